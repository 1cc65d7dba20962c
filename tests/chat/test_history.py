"""A conversation for the page, for the model and as Markdown."""

from __future__ import annotations

import pytest
from django.test import Client

from tests import make
from tutor.chat import history, outcome
from tutor.chat.asking import ask
from tutor.chat.events import append
from tutor.chat.models import Citation, Conversation, Event, Message, Turn
from tutor.chat.outcome import Answer
from tutor.llm.models import Usage

pytestmark = pytest.mark.django_db

TEXT = "Heat flows from hot to cold. It needs a difference of temperature."


@pytest.fixture
def talk() -> Conversation:
    course = make.course("Heat and work")
    return Conversation.objects.create(course=course, user=make.enrol(course))


def answered(
    talk: Conversation,
    question: str,
    text: str = TEXT,
    *,
    edits: Turn | None = None,
    regenerates: Turn | None = None,
) -> Turn:
    """A finished turn whose first sentence is cited, if the course has a passage."""
    turn = ask(
        talk,
        question,
        edits=edits.uuid if edits else None,
        regenerates=regenerates.uuid if regenerates else None,
    )
    Turn.objects.filter(pk=turn.pk).update(state=Turn.State.RUNNING, owner="me")
    answer = Answer()
    answer.take("start", {"model": "m", "query": question})
    answer.take("text", {"text": text[:10]})
    answer.take("text", {"text": text[10:]})
    passage = talk.course.passages.first()
    if passage:
        answer.take("verdict", {"sentence": 0, "start": 0, "end": 28, "verdict": "supported"})
        answer.take(
            "citation",
            {
                "sentence": 0, "marker": 1, "passage": passage.pk, "material": str(passage.material.uuid), "title": "Notes",
                "file": "notes.md", "anchor": {"page": 3}, "label": "Notes, p. 3", "quote": "flows from hot\nto cold",
                "url": "", "verdict": "supported", "start": 5, "end": 27,
            },
        )  # fmt: skip
    answer.take("end", {"usage": {"prompt_tokens": 7, "completion_tokens": 9}, "seconds": {"search": 0.1}})
    append(turn, *outcome.close(turn.pk, "me", Turn.State.DONE, answer))
    turn.refresh_from_db()
    return turn


def test_an_outcome_is_the_message_with_all_that_belongs_to_it(talk: Conversation) -> None:
    make.passage(make.material(talk.course, TEXT), TEXT)
    turn = answered(talk, "Where does heat flow?")
    message = turn.messages.get()
    assert (turn.state, turn.model, turn.query, message.text) == ("done", "m", "Where does heat flow?", TEXT)
    assert message.sentences == [{"sentence": 0, "start": 0, "end": 28, "verdict": "supported"}]
    cited = message.citations.get()
    assert (cited.passage, cited.quote) == (talk.course.passages.get(), "flows from hot\nto cold")
    assert [(event.seq, event.type) for event in turn.events.all()] == [(1, "queued"), (2, "end")]
    assert (Usage.objects.get().prompt_tokens, Usage.objects.get().completion_tokens) == (7, 9)


def test_only_the_owner_can_close_a_turn_and_only_once(talk: Conversation) -> None:
    turn = answered(talk, "Why?")
    with pytest.raises(outcome.Lost):
        outcome.close(turn.pk, "me", Turn.State.DONE, Answer(text="again"))
    assert Message.objects.count() == 1


def test_citations_survive_their_passage(talk: Conversation) -> None:
    material = make.material(talk.course, TEXT)
    make.passage(material, TEXT)
    answered(talk, "Why?")
    material.delete()
    turns, _ = history.finished(talk)
    (cited,) = turns[0]["answer"]["citations"]
    assert (cited["passage"], cited["url"], cited["quote"]) == (None, "", "flows from hot\nto cold")
    assert "Notes, p. 3: “flows from hot to cold”" in history.as_markdown(talk)


def test_the_page_knows_the_last_event_of_each_finished_turn(talk: Conversation) -> None:
    turn = answered(talk, "Why?")
    ask(talk, "Running?")
    turns, after = history.finished(talk)
    assert [row["question"] for row in turns] == ["Why?"]
    assert after == {str(turn.uuid): 2}


def test_the_model_is_told_the_branch_that_was_asked_on(talk: Conversation) -> None:
    one = answered(talk, "One?", "First.")
    two = answered(talk, "Two?", "Second.")
    answered(talk, "Three?", "Third.")
    edited = answered(talk, "Two, differently?", "Second, differently.", edits=two)
    four = ask(talk, "Four?")
    assert history.dialogue(edited) == [("One?", "First.")]
    assert history.dialogue(four) == [("One?", "First."), ("Two, differently?", "Second, differently.")]
    older = answered(talk, "Two, once more?", "Second, once more.", edits=two)  # not the version on show
    assert history.dialogue(older) == [("One?", "First.")]
    again = answered(talk, "", "First, again.", regenerates=one)
    assert history.dialogue(again) == []


def test_markdown_has_footnotes_that_lead_back(talk: Conversation, client: Client) -> None:
    passage = make.passage(make.material(talk.course, TEXT), TEXT)
    answered(talk, "Where does\nheat flow?")
    answered(talk, "And then?")
    client.force_login(talk.user)
    talk.refresh_from_db()
    response = client.get(f"{talk.get_absolute_url()}export.md")
    assert response.headers["Content-Disposition"] == 'attachment; filename="where-does-heat-flow.md"'
    text = response.content.decode()
    assert "## Where does heat flow?\n\nHeat flows from hot to cold.[^1] It needs" in text
    url = passage.material.source_url(passage.pk, 5, 27)
    assert f"[^2]: [Notes, p. 3](http://localhost:8000{url}): “flows from hot to cold”" in text


def test_rows_of_deleted_turns_go(talk: Conversation) -> None:
    answered(talk, "Why?")
    talk.delete()
    assert [model.objects.count() for model in (Event, Message, Citation)] == [0, 0, 0]
