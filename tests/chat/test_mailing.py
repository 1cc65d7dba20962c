"""Mail through a real worker to a real SMTP server: who is told, and that a failing server loses nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from queue import Queue
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.conf import settings as configured

from tests import make
from tests.chat.conftest import signed_in
from tests.chat.site import ROOT, database_url
from tests.llm.conftest import unused_port
from tutor.accounts.models import User
from tutor.celery import app
from tutor.chat import mailing, staff_questions
from tutor.chat.models import StaffQuestion, Turn
from tutor.chat.tasks import mail_waiting

pytestmark = pytest.mark.django_db(transaction=True)


class Post:
    """A mail server. While `answer` is set, it gives that to every message; what it takes is in `letters`."""

    def __init__(self) -> None:
        self.letters: Queue[tuple[list[str], EmailMessage]] = Queue()
        self.refused: Queue[str] = Queue()
        self.answer = ""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address.startswith("gone"):
            self.refused.put(address)
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer:
            self.refused.put(self.answer)
            return self.answer
        letter = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.put((sorted(envelope.rcpt_tos), letter))
        return "250 taken"

    def next(self) -> tuple[list[str], EmailMessage]:
        return self.letters.get(timeout=60)


@pytest.fixture
def post(settings: Any) -> Iterator[Post]:
    """A mail server, which this process and the worker know by EMAIL_HOST."""
    handler = Post()
    server = Controller(handler, hostname="127.0.0.1", port=unused_port())
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.hostname, server.port
    yield handler
    server.stop()


@pytest.fixture
def worker(post: Post) -> Iterator[None]:
    """A worker of the maintenance queue in a process of its own, on the test's database and broker."""
    with app.connection_for_write() as connection:
        queue = connection.SimpleQueue("maintenance")
        queue.clear()  # what other tests left there
        queue.close()
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "EMAIL_HOST": configured.EMAIL_HOST,
        "EMAIL_PORT": str(configured.EMAIL_PORT),
        "SITE_URL": "https://lyceum.example.org",
        "LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "celery", "-A", "tutor", "worker", "-Q", "maintenance", "-P", "solo"]
    process = subprocess.Popen(
        [*command, "--without-gossip", "--without-mingle"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    yield
    process.terminate()
    process.wait(30)


def test_the_staff_are_told_and_then_the_student(turn: Turn, teacher: User, post: Post, worker: None) -> None:
    talk = turn.conversation
    lead = make.enrol(talk.course, role="instructor")
    make.enrol(talk.course)  # a classmate is not told
    make.enrol(talk.course, make.user(is_active=False), role="staff")
    url = f"{talk.get_absolute_url()}turns/{turn.uuid}/ask-staff/"
    answer = signed_in(talk.user).post(url, {"comment": "For the exam"}, content_type="application/json")
    assert answer.status_code == 201
    people, letter = post.next()
    assert people == sorted([teacher.email, lead.email])
    assert letter["Subject"] == "Heat: a student asks"
    words = letter.get_content()
    assert "Sam Müller asks:\n\nWhat is entropy?\n\nFor the exam" in words.replace("\r\n", "\n")
    assert f"https://lyceum.example.org/c/{talk.course.slug}/inbox/" in words

    question = StaffQuestion.objects.get()
    assert staff_questions.reply(question, "A measure of disorder.", teacher, publish=False)
    people, letter = post.next()
    assert (people, letter["Subject"]) == ([talk.user.email], "Heat: a reply to your question")
    words = letter.get_content()
    assert "Ada Teacher replied:\n\nA measure of disorder." in words.replace("\r\n", "\n")
    assert f"{talk.get_absolute_url()}#turn-{turn.uuid}" in words


def test_a_mail_server_that_fails_loses_nothing(turn: Turn, teacher: User, post: Post, worker: None) -> None:
    post.answer = "451 try again later"
    question = staff_questions.hand_over(turn, "")
    assert post.refused.get(timeout=60) == post.answer
    assert [row.pk for row in mailing.due()] == [question.pk]  # it waits on the inbox page all the while
    post.answer = ""
    mail_waiting.delay()  # the clock sends this
    assert post.next()[0] == [teacher.email]
    mail_waiting.delay()
    staff_questions.reply(question, "Disorder.", teacher, publish=False)
    assert post.next()[0] == [turn.conversation.user.email]  # and nobody was told twice
    assert post.letters.empty()


def test_a_server_that_is_not_there_holds_up_nobody(
    turn: Turn, teacher: User, post: Post, settings: Any
) -> None:
    settings.EMAIL_PORT = 9  # nothing listens there
    question = staff_questions.hand_over(turn, "")
    with pytest.raises(OSError):
        mailing.write_due()
    assert [row.pk for row in mailing.due()] == [question.pk]
    assert settings.EMAIL_TIMEOUT


def test_an_address_that_will_never_be_known_is_not_tried_for_days(turn: Turn, post: Post) -> None:
    make.enrol(turn.conversation.course, make.user("gone@example.org"), role="staff")
    staff_questions.hand_over(turn, "")
    mailing.write_due()
    assert post.refused.get_nowait() == "gone@example.org"
    assert not mailing.due().exists()


def test_who_has_seen_the_reply_or_left_is_not_mailed(turn: Turn, teacher: User, post: Post) -> None:
    question = staff_questions.hand_over(turn, "")
    staff_questions.reply(question, "Disorder.", teacher, publish=False)
    assert [row.pk for row in mailing.due()] == [question.pk]  # the student; the staff know
    turn.conversation.course.enrolments.filter(user=turn.conversation.user).delete()
    mailing.write_due()
    assert post.letters.empty()
    StaffQuestion.objects.update(student_mailed=None, seen_by_student=True)
    assert not mailing.due().exists()


def test_a_broker_that_is_away_does_not_take_the_question_back(
    turn: Turn, teacher: User, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr("tutor.chat.tasks.mail_about.delay", broken)
    url = f"{turn.conversation.get_absolute_url()}turns/{turn.uuid}/ask-staff/"
    answer = signed_in(turn.conversation.user).post(url, {}, content_type="application/json")
    assert answer.status_code == 201
    mailing.write_due()
    assert post.next()[0] == [teacher.email]


def test_without_a_mail_server_nothing_is_queued(turn: Turn, teacher: User) -> None:
    staff_questions.hand_over(turn, "")
    assert mailing.due().exists()
    mailing.write_due()
    assert mailing.due().exists()  # it is written once there is a server
