"""Words for pages about courses and material."""

from __future__ import annotations

from typing import Any

from django import template

from courses.models import Material, Passage, place
from courses.views import materials as pages

register = template.Library()

STATES = {
    "queued": "Waiting",
    "running": "Being read",
    "done": "Ready",
    "failed": "Failed",
    "stopped": "Stopped",
}
KINDS = {
    "pdf": "PDF", "pptx": "Slides", "docx": "Document", "markdown": "Markdown", "html": "Web page", "latex": "LaTeX",
    "cnxml": "CNXML module", "notebook": "Notebook", "text": "Text", "vtt": "Captions", "srt": "Captions",
    "media": "Recording",
}  # fmt: skip


@register.filter
def state_word(state: str) -> str:
    """A job's state for a person."""
    return STATES.get(state, state)


@register.filter
def kind_word(kind: str) -> str:
    """A material's kind for a person."""
    return KINDS.get(kind, "File")


@register.filter
def length_word(material: Material) -> str:
    """How long a material is: pages, slides or minutes, as far as is known."""
    meta = material.meta
    for key, word in (("pages", "page"), ("slides", "slide"), ("cells", "cell")):
        count = meta.get(key)
        if isinstance(count, int) and count > 0:
            return f"{count} {word}{'s' * (count != 1)}"
    duration = meta.get("duration_ms")
    return (
        place({"start_ms": int(duration)}, []) if isinstance(duration, int | float) and duration > 0 else ""
    )


@register.filter
def stages_of(material: Material) -> list[dict[str, str]]:
    """The stages of a material's job with their states."""
    return pages.stages(material)


@register.filter
def left_word(material: Material) -> str:
    """Time left, and up to where an unfinished material can be searched."""
    return " · ".join(filter(None, (pages.time_left(material.eta_seconds), pages.read_so_far(material))))


@register.filter
def place_of(passage: Passage) -> str:
    """Where a passage stands in its material, in words."""
    return place(passage.anchor, passage.heading_path)


@register.filter
def get(mapping: dict[str, Any], key: str) -> Any:
    """mapping[key] in a template; None where it is missing."""
    return mapping.get(key)
