"""What students ask: grouped, without names, without the teachers' own trials."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from courses.models import Material, Passage
from tests import make
from tests.courses.conftest import Cast
from tutor.accounts.models import User
from tutor.chat import grouping
from tutor.chat.grouping import cluster, unit, word_vectors
from tutor.chat.models import Citation, Conversation, Feedback, Message, Turn
from tutor.dashboard.questions import asked, grouped
from tutor.llm.embeddings import EmbeddingError


def ask(cast: Cast, who: User, question: str, answer: str = "It does.", **fields: Any) -> Turn:
    as_student = fields.pop("as_student", False)
    talk = Conversation.objects.create(
        course=fields.pop("course", cast.course), user=who, as_student=as_student
    )
    turn = Turn.objects.create(
        conversation=talk, ordinal=1, question=question, state=Turn.State.DONE, **fields
    )
    sentence = {"start": 0, "end": len(answer), "verdict": "supported"}
    Message.objects.create(turn=turn, author="agent", text=answer, sentences=[sentence])
    return turn


def url(name: str = "questions", *args: Any) -> str:
    return reverse(f"dashboard:{name}", args=["signals", *args])


@pytest.fixture
def by_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model host is away: questions are compared by their words."""

    def away(texts: Any) -> Any:
        raise EmbeddingError("The model host is not there.")

    monkeypatch.setattr(grouping, "embed", away)


class TestGrouping:
    def test_rows_near_each_other_are_one_group(self) -> None:
        rng = np.random.default_rng(0)
        centres = unit(rng.normal(size=(3, 64)).astype(np.float32))
        vectors = unit(
            np.concatenate(
                [centre + 0.03 * rng.normal(size=(5, 64)).astype(np.float32) for centre in centres]
            )
        )
        assert sorted(map(sorted, cluster(vectors, 0.62))) == [
            list(range(5)),
            list(range(5, 10)),
            list(range(10, 15)),
        ]

    def test_every_row_is_in_exactly_one_group(self) -> None:
        vectors = unit(np.random.default_rng(1).normal(size=(40, 8)).astype(np.float32))
        assert sorted(row for group in cluster(vectors, 0.5) for row in group) == list(range(40))

    def test_words_alone_bring_like_questions_together(self) -> None:
        vectors = word_vectors(
            ["What is a moving average?", "moving averages, what are they", "When is the exam?"]
        )
        assert vectors[0] @ vectors[1] > 0.5 > vectors[0] @ vectors[2]

    @pytest.mark.model
    def test_other_words_for_the_same_question(self, cast: Cast) -> None:
        texts = [
            "How do I choose the window of a moving average?",
            "What window length should a moving average have?",
            "When is the exam held?",
            "On which date is the exam?",
        ]
        turns = [ask(cast, make.enrol(cast.course), text) for text in texts]
        groups = grouped(turns)
        assert sorted(sorted(turn.question for turn in group.turns) for group in groups if group) == [
            sorted(texts[:2]),
            sorted(texts[2:]),
        ]


@pytest.mark.usefixtures("by_words")
class TestPage:
    def test_who_may_see_it(self, cast: Cast) -> None:
        for who, expected in {
            "instructor": 200,
            "staff": 200,
            "student": 404,
            "stranger": 404,
            "anonymous": 302,
        }.items():
            assert cast.client(who).get(url()).status_code == expected, who

    def test_the_figures_of_a_group(self, cast: Cast) -> None:
        second = make.enrol(cast.course)
        for who, abstained in ((cast.student, False), (cast.student, True), (second, True)):
            turn = ask(cast, who, "What is a moving average?", abstained=abstained)
        Feedback.objects.create(turn=turn, user=second, up=False)
        ask(cast, second, "When is the exam?")
        page = cast.client("staff").get(url())
        first, other = page.context["groups"]
        assert (first.count, first.people, first.unanswered, first.thumbs_down) == (3, 2, 2, 1)
        assert (other.label, other.count) == ("When is the exam?", 1)
        assert "67 % not answered" in page.content.decode()

    def test_nobodys_name_is_shown(self, cast: Cast) -> None:
        turn = ask(cast, cast.student, "What is a mean?")
        for page in (url(), url() + "?show=unanswered", url("turn", turn.uuid)):
            text = cast.client("instructor").get(page).content.decode()
            assert cast.student.email not in text
            assert cast.student.name not in text

    def test_trials_and_other_courses_are_left_out(self, cast: Cast) -> None:
        ask(cast, cast.instructor, "my own trial")
        ask(cast, cast.instructor, "as a student", as_student=True)
        ask(cast, cast.admin, "the admin's")
        ask(cast, make.enrol(cast.other), "elsewhere", course=cast.other)
        kept = ask(cast, cast.student, "a real one")
        ask(cast, cast.student, "a real one", regenerates=kept)
        Turn.objects.filter(pk=ask(cast, cast.student, "still running").pk).update(state=Turn.State.RUNNING)
        assert list(asked(cast.course, None)) == [kept]

    def test_the_period(self, cast: Cast) -> None:
        old = ask(cast, cast.student, "long ago")
        Turn.objects.filter(pk=old.pk).update(created=timezone.now() - timedelta(days=60))
        client = cast.client("staff")
        assert client.get(url()).context["asked"] == 0
        assert client.get(url() + "?period=120").context["asked"] == 1
        assert client.get(url() + "?period=all").context["asked"] == 1
        assert client.get(url() + "?period='; drop table").context["asked"] == 1

    def test_what_could_not_be_answered(self, cast: Cast) -> None:
        ask(cast, cast.student, "When is the exam?", abstained=True)
        ask(cast, cast.student, "What is a mean?")
        page = cast.client("staff").get(url() + "?show=unanswered").content.decode()
        assert "When is the exam?" in page
        assert "What is a mean?" not in page

    def test_a_question_is_shown_as_text(self, cast: Cast) -> None:
        ask(cast, cast.student, "<script>alert(1)</script>")
        assert "<script>alert" not in cast.client("staff").get(url()).content.decode()


class TestTurn:
    def test_it_shows_the_answer_with_its_citations(self, cast: Cast) -> None:
        turn = ask(cast, cast.student, "What is a mean?", "The mean is the sum over n.")
        material = make.material(cast.course, "The mean is the sum over n.", title="Lecture 1")
        passage = make.passage(material, "The mean is the sum over n.")
        Citation.objects.create(
            message=turn.messages.get(), sentence=0, marker=1, passage=passage, material=material, quote="sum over n",
            start=12, end=22, label="Lecture 1", verdict="supported",
        )  # fmt: skip
        page = cast.client("staff").get(url("turn", turn.uuid)).content.decode()
        assert "The mean is the sum over n." in page
        assert "sum over n" in page
        assert f"/c/signals/source/{material.uuid}/?p={passage.pk}&amp;s=12&amp;e=22" in page

    def test_a_turn_of_another_course_is_out_of_reach(self, cast: Cast) -> None:
        turn = ask(cast, cast.student, "What is a mean?")
        assert (
            cast.client("stranger").get(reverse("dashboard:turn", args=["poetry", turn.uuid])).status_code
            == 404
        )

    @pytest.mark.model
    @pytest.mark.parametrize("action", ["correct", "pin"])
    def test_setting_it_right_makes_material(
        self, cast: Cast, action: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Material, "enqueue", lambda self: None)
        turn = ask(cast, cast.student, "When is the exam?", "I do not know.", abstained=True)
        answer = {"text": "The exam is on 3 May at nine.", "action": action}
        assert cast.client("student").post(url("set_right", turn.uuid), answer).status_code == 404
        cast.client("staff").post(url("set_right", turn.uuid), answer)
        passage = Passage.objects.get(course=cast.course)
        assert passage.pinned
        assert "The exam is on 3 May" in passage.text
        told = turn.messages.filter(author=Message.Author.STAFF).exists()
        assert told == (action == "correct")
