"""Figures for people."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def thousands(number: int | None) -> str:
    """12345 as 12,345."""
    return f"{number or 0:,}"


@register.filter
def percent(share: float) -> str:
    """0.256 as 26 %."""
    return f"{100 * share:.0f} %"
