"""The chat's fixtures, with a site whose agents speak so fast that no test waits for a sentence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chat.conftest import endpoint, let_go_of_the_database, rows_between_awaits, scripted
from tests.chat.site import Site

__all__ = ["endpoint", "let_go_of_the_database", "rows_between_awaits", "scripted"]

QUICK = {"WORDS_A_MINUTE": "12000"}


@pytest.fixture(scope="module")
def site(django_db_setup: None) -> Iterator[Site]:
    with Site(**QUICK) as running:
        yield running
