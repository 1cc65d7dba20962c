"""The chat's pages and their JSON, for the student they belong to and for nobody else."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client

from tests import make
from tutor.accounts.models import User
from tutor.chat.asking import ask
from tutor.chat.models import Conversation, Feedback, Message, Turn

pytestmark = pytest.mark.django_db


@pytest.fixture
def talk() -> Conversation:
    course = make.course("Heat")
    talk = Conversation.objects.create(course=course, user=make.enrol(course))
    turn = ask(talk, "What is heat?")
    Turn.objects.filter(pk=turn.pk).update(state=Turn.State.DONE)
    Message.objects.create(turn=turn, author=Message.Author.AGENT, text="Energy on <b>its</b> way.")
    talk.refresh_from_db()
    return talk


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def listed(client: Client, talk: Conversation, query: str = "") -> list[str]:
    response = client.get(f"/c/{talk.course.slug}/conversations/", {"q": query})
    return [row["title"] for row in response.json()["conversations"]]


def test_the_page_holds_the_conversation(talk: Conversation) -> None:
    response = signed_in(talk.user).get(talk.get_absolute_url())
    page = response.context["page"]
    turn = talk.turns.get()
    assert page["turns"][0]["answer"]["text"] == "Energy on <b>its</b> way."
    assert page["after"] == {str(turn.uuid): 1}
    assert page["socket"] == f"/ws/conversations/{talk.uuid}/"
    assert "<b>its</b>" not in response.content.decode()


def test_a_course_page_offers_a_start(talk: Conversation) -> None:
    response = signed_in(talk.user).get(f"/c/{talk.course.slug}/")
    assert response.status_code == 200
    assert response.context["has_material"] is False
    assert response.context["starters"] == []


def test_a_conversation_is_made_by_asking_for_one(talk: Conversation) -> None:
    client = signed_in(talk.user)
    made = client.post(f"/c/{talk.course.slug}/conversations/", "{}", content_type="application/json")
    assert made.status_code == 201
    assert client.get(made.json()["url"]).status_code == 200
    assert listed(client, talk) == ["What is heat?"]  # an empty one is not history yet


def test_search_looks_at_titles_questions_and_answers(talk: Conversation) -> None:
    client = signed_in(talk.user)
    assert listed(client, talk, "energy") == ["What is heat?"]
    assert listed(client, talk, "HEAT way") == ["What is heat?"]
    assert listed(client, talk, "entropy") == []


def test_rename_and_delete(talk: Conversation) -> None:
    client = signed_in(talk.user)
    url = talk.get_absolute_url()
    assert (
        client.patch(url, {"title": "  About heat "}, content_type="application/json").json()["title"]
        == "About heat"
    )
    assert listed(client, talk) == ["About heat"]
    wrong: list[Any] = [{"title": ""}, {"title": "x" * 121}, {"title": 3}, []]
    for bad in wrong:
        response = client.patch(url, bad, content_type="application/json")
        assert (response.status_code, bool(response.json()["error"])) == (400, True)
    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 404
    assert listed(client, talk) == []


def test_feedback_is_given_and_taken_back(talk: Conversation) -> None:
    client = signed_in(talk.user)
    url = f"{talk.get_absolute_url()}turns/{talk.turns.get().uuid}/feedback/"

    def post(data: Any) -> int:
        return client.post(url, data, content_type="application/json").status_code

    assert post({"up": False, "reason": "It is wrong"}) == 200
    assert Feedback.objects.get().reason == "It is wrong"
    assert [post({"up": "yes"}), post("{"), post({"up": True, "reason": "x" * 2001})] == [400, 400, 400]
    assert client.delete(url).status_code == 200
    assert not Feedback.objects.exists()


@pytest.mark.parametrize("who", ["stranger", "classmate", "teacher", "nobody"])
def test_a_conversation_is_its_students_alone(talk: Conversation, who: str) -> None:
    people = {
        "stranger": make.user(),
        "classmate": make.enrol(talk.course),
        "teacher": make.enrol(talk.course, role="instructor"),
    }
    client = signed_in(people[who]) if who in people else Client()
    url, turn = talk.get_absolute_url(), talk.turns.get().uuid
    refused = 302 if who == "nobody" else 404
    assert client.get(url).status_code == refused
    assert client.delete(url).status_code == refused
    assert client.get(f"{url}export.md").status_code == refused
    assert (
        client.post(f"{url}turns/{turn}/feedback/", {"up": True}, content_type="application/json").status_code
        == refused
    )
    assert (
        client.post(f"{url}turns/{turn}/ask-staff/", {}, content_type="application/json").status_code
        == refused
    )
    assert listed(client, talk) == [] if who in ("classmate", "teacher") else True
    talk.refresh_from_db()
    assert not talk.deleted


def test_a_conversation_is_only_in_its_course(talk: Conversation) -> None:
    other = make.course()
    make.enrol(other, talk.user)
    client = signed_in(talk.user)
    assert client.get(f"/c/{other.slug}/conversations/{talk.uuid}/").status_code == 404
    url = f"{talk.get_absolute_url()}turns/{uuid.uuid4()}/feedback/"
    assert client.post(url, {"up": True}, content_type="application/json").status_code == 404
