"""A person's own data: all of it, nobody else's, no secrets; and an account that ends when its owner says so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from courses.models import Role
from tests import make
from tutor.accounts.models import AuditEntry, User
from tutor.chat.models import Conversation, Message, Turn

pytestmark = pytest.mark.django_db


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def asked(course: Any, user: User, question: str) -> Turn:
    turn = Turn.objects.create(
        conversation=Conversation.objects.create(course=course, user=user), ordinal=1, question=question
    )
    Message.objects.create(turn=turn, author="agent", text=f"About {question}")
    return turn


def test_export_holds_what_is_mine_and_nothing_else() -> None:
    course = make.course("Signals")
    me, other = make.enrol(course, make.user("me@example.org", name="Me")), make.enrol(course)
    asked(course, me, "my question")
    asked(course, other, "their question")
    answer = client_of(me).get(reverse("accounts:export"))
    text = answer.content.decode()
    data = json.loads(text)
    assert data["accounts.user"][0]["email"] == "me@example.org"
    assert data["courses.enrolment"][0]["role"] == "student"
    assert data["chat.turn"][0]["question"] == "my question"
    assert data["chat.message"][0]["text"] == "About my question"
    assert "their question" not in text
    assert other.email not in text
    assert "password" not in data["accounts.user"][0]
    assert answer["Content-Disposition"].startswith("attachment")


def test_deleting_takes_the_account_and_the_conversations() -> None:
    course = make.course()
    me = make.enrol(course)
    asked(course, me, "my question")
    client = client_of(me)
    client.post(reverse("accounts:delete"), {"email": "not-me@example.org"})
    assert User.objects.filter(pk=me.pk).exists()
    answer = client.post(reverse("accounts:delete"), {"email": me.email.upper()})
    assert answer["Location"] == reverse("account_login")
    assert not User.objects.filter(pk=me.pk).exists()
    assert not Turn.objects.exists()
    entry = AuditEntry.objects.get(action="account.deleted")
    assert me.email not in entry.target  # the log does not keep the address of somebody who left


def test_the_only_instructor_hands_over_first() -> None:
    course = make.course("Signals")
    me = make.enrol(course, role=Role.INSTRUCTOR)
    page = client_of(me).get(reverse("accounts:profile"))
    assert "only instructor of Signals" in page.content.decode()
    client_of(me).post(reverse("accounts:delete"), {"email": me.email})
    assert User.objects.filter(pk=me.pk).exists()
    make.enrol(course, role=Role.INSTRUCTOR)
    client_of(me).post(reverse("accounts:delete"), {"email": me.email})
    assert not User.objects.filter(pk=me.pk).exists()


def test_the_only_admin_stays() -> None:
    admin = make.user(is_superuser=True)
    client_of(admin).post(reverse("accounts:delete"), {"email": admin.email})
    assert User.objects.filter(pk=admin.pk).exists()


def test_the_name_can_be_changed() -> None:
    me = make.user()
    client_of(me).post(reverse("accounts:profile"), {"name": "Ada Lovelace"})
    me.refresh_from_db()
    assert me.name == "Ada Lovelace"
