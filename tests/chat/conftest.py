import gc
from collections.abc import Iterator

import pytest

from tests.chat.site import Site
from tests.llm.scripted import Answer, Scripted
from tutor.chat.threads import SHORT


@pytest.fixture(scope="session", autouse=True)
def let_go_of_the_database(django_db_setup: None) -> Iterator[None]:
    """Before the test database goes, so do the threads that were connected to it."""
    yield
    SHORT.shutdown()
    gc.collect()


@pytest.fixture(scope="module")
def scripted() -> Iterator[Scripted]:
    with Scripted() as server:
        yield server


@pytest.fixture(scope="module")
def site(django_db_setup: None) -> Iterator[Site]:
    with Site() as running:
        yield running


@pytest.fixture
def endpoint(transactional_db: None, scripted: Scripted) -> Scripted:
    """The scripted endpoint, as the one that answers in every course."""
    scripted.script(Answer())
    scripted.endpoint(capable=True, is_default=True).save()
    return scripted


@pytest.fixture(autouse=True)
def rows_between_awaits(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests look at rows in the middle of their sockets' work; the server itself runs without this."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
