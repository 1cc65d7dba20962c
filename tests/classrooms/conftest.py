"""The chat's fixtures, with a site whose agents speak so fast that no test waits for a sentence."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.chat.conftest import endpoint as answering_endpoint
from tests.chat.conftest import let_go_of_the_database, rows_between_awaits, scripted
from tests.chat.site import Site
from tests.llm.scripted import Scripted
from tutor.chat.models import Turn
from tutor.classrooms.models import Classroom

__all__ = ["answering_endpoint", "let_go_of_the_database", "rows_between_awaits", "scripted"]

QUICK = {"WORDS_A_MINUTE": "12000"}
LET_GO = 20.0  # seconds


@pytest.fixture(scope="module")
def site(django_db_setup: None) -> Iterator[Site]:
    with Site(**QUICK) as running:
        yield running


@pytest.fixture
def endpoint(answering_endpoint: Scripted) -> Iterator[Scripted]:
    """The scripted endpoint. After the test every class ends, so that no driver writes into tables being emptied."""
    yield answering_endpoint
    Classroom.objects.update(state=Classroom.State.ENDED, step_at=None)
    Turn.objects.unfinished().update(stop_requested=True)
    until = time.monotonic() + LET_GO
    while Turn.objects.unfinished().exists() and time.monotonic() < until:
        time.sleep(0.1)  # another process's rows: nothing here can be awaited
