import gc
from collections.abc import Iterator

import pytest
from django.test import Client

from tests import make
from tests.chat.site import Site
from tests.llm.scripted import Answer, Scripted
from tutor.accounts.models import User
from tutor.chat.asking import ask
from tutor.chat.models import Conversation, Message, Turn
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


@pytest.fixture
def turn() -> Turn:
    """A student's question that the agent had no answer to."""
    course = make.course("Heat")
    talk = Conversation.objects.create(course=course, user=make.enrol(course, make.user(name="Sam Müller")))
    turn = ask(talk, "What is entropy?")
    Turn.objects.filter(pk=turn.pk).update(state=Turn.State.DONE)
    Message.objects.create(turn=turn, author=Message.Author.AGENT, text="The material does not say.")
    turn.refresh_from_db()
    return turn


@pytest.fixture
def teacher(turn: Turn) -> User:
    """One of the staff of its course."""
    return make.enrol(turn.conversation.course, make.user(name="Ada Teacher"), role="staff")


def signed_in(user: User) -> Client:
    """A browser in which the person is signed in."""
    client = Client()
    client.force_login(user)
    return client
