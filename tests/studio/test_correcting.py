"""Wrong answers that teach: what people flagged and the staff corrected, and what is planted beside an answer that holds."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from courses.models import Course
from courses.verification import SUPPORTED, verify_all
from tests import make
from tests.studio.test_datasets import NOTES
from tutor.accounts.models import User
from tutor.chat.feedback import judge
from tutor.chat.models import Conversation, Message, Turn
from tutor.chat.staff_questions import correct, hand_over, reply
from tutor.studio.correcting import take_corrections
from tutor.studio.models import Dataset, Example, Run
from tutor.studio.prompting import REFLECTION, trajectory
from tutor.studio.running import rows_of

pytestmark = [pytest.mark.django_db]

WRONG = "The mean has a breakdown point of fifty percent."
RIGHT = "The mean has a breakdown point of zero: one wild reading moves it anywhere."


@pytest.fixture
def course() -> Course:
    return make.course("Averages")


@pytest.fixture
def teacher(course: Course) -> User:
    return make.enrol(course, make.user(name="Ada Teacher"), role="staff")


def answered(course: Course, question: str, said: str = WRONG) -> Turn:
    """A student's question with the agent's answer."""
    talk = Conversation.objects.create(course=course, user=make.enrol(course, make.user(name="Sam Müller")))
    turn = Turn.objects.create(conversation=talk, ordinal=1, question=question, state=Turn.State.DONE)
    Message.objects.create(turn=turn, author=Message.Author.AGENT, text=said)
    return turn


def taken(course: Course) -> list[Example]:
    dataset = Dataset.objects.create(course=course, title="Pairs", state="done")
    take_corrections(dataset)
    return list(dataset.examples.all())


@pytest.mark.model
def test_what_was_flagged_and_corrected_becomes_a_pair_that_names_nobody(
    course: Course, teacher: User
) -> None:
    turn = answered(course, "What breakdown point does\nthe mean have?")
    judge(turn, turn.asker, False, "My teacher Ada says otherwise")
    correct(turn, RIGHT, teacher)
    (example,) = taken(course)
    assert (example.answer, example.rejected_answer) == (RIGHT, WRONG)
    assert example.question == "What breakdown point does the mean have?"
    assert example.origin == Example.Origin.STUDENT
    (source,) = example.sources.all()
    assert source.passage is not None
    assert source.passage.text[-len(source.quote) :] == source.quote == RIGHT
    assert not any(name in json.dumps(example.as_json()) for name in ("Ada", "Sam", "Müller", "says"))
    assert take_corrections(example.dataset) == 0


@pytest.mark.model
def test_an_answer_marked_by_one_student_is_corrected_by_what_was_published_for_another(
    course: Course, teacher: User
) -> None:
    first, second = (
        answered(course, "What breakdown point does the mean have?", said)
        for said in ("It is fifty percent.", WRONG)
    )
    judge(second, second.asker, False, "")
    reply(hand_over(first, "Please"), RIGHT, teacher, publish=True)
    (example,) = taken(course)
    assert (example.answer, example.rejected_answer) == (RIGHT, WRONG)


@pytest.mark.model
def test_what_is_private_deleted_or_not_wrong_teaches_nothing(course: Course, teacher: User) -> None:
    private = answered(course, "Is this right?")
    reply(hand_over(private, ""), RIGHT, teacher, publish=False)
    gone = answered(course, "And the mean?")
    correct(gone, RIGHT, teacher)
    Conversation.objects.filter(pk=gone.conversation_id).update(deleted=True)
    held = answered(course, "How robust is the mean?", "The mean has a breakdown point of zero.")
    correct(held, RIGHT, teacher)
    unmarked = answered(course, "Which one resists?")
    unmarked.messages.update(author=Message.Author.STUDENT)
    assert taken(course) == []


def test_a_trajectory_marks_its_wrong_step_alone() -> None:
    text, ((start, end),) = trajectory(WRONG, RIGHT)
    assert text[start:end] == WRONG
    assert text[end:] == f" {REFLECTION} {RIGHT}"


@pytest.mark.model
def test_material_alone_makes_pairs_and_trajectories_that_are_wrong_where_they_should_be(
    tmp_path: Path,
) -> None:
    file = tmp_path / "averages.md"
    file.write_text(NOTES, encoding="utf-8")
    call_command("ingest", "averages", str(file), "--create", "--json", stdout=StringIO())
    call_command("dataset", "make", "averages", "--json", stdout=StringIO())
    dataset = Dataset.objects.get()
    pairs = list(dataset.examples.kept().exclude(rejected_answer=""))
    assert len(pairs) >= 8
    for pair in pairs:
        passages = [source.passage.text for source in pair.sources.all() if source.passage]
        claims = [part for part in pair.rejected_answer.removeprefix("Yes. ").split(". ") if part]
        verdicts = verify_all([f"{claim.rstrip('.')}." for claim in claims], passages)
        assert any(found.verdict != SUPPORTED for found in verdicts), pair.rejected_answer

    run = Run(course=dataset.course, dataset=dataset, method="reflected")
    rows = rows_of(run)
    marked = [row for row in rows if row.wrong]
    training = [pair for pair in pairs if not pair.held_out]
    assert [row.answer[slice(*row.wrong[0])] for row in marked] == [pair.rejected_answer for pair in training]
    assert len(rows) == len(marked) + dataset.examples.training().count()
    run.method = "dpo"
    assert [row.rejected for row in rows_of(run)] == [pair.rejected_answer for pair in training]


def test_where_nothing_was_corrected_the_command_says_what_to_do(course: Course) -> None:
    dataset = Dataset.objects.create(course=course, title="Plain", state="done")
    for number in range(10):
        Example.objects.create(dataset=dataset, question=f"What is reading {number}?", answer="A reading.")
    for method in ("dpo", "reflected"):
        with pytest.raises(CommandError, match="Make the dataset again"):
            call_command("train", str(dataset.pk), "--method", method)
