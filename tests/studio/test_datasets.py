"""Datasets: what is asked, what is kept and why not, review, exchange."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from courses.models import Course, Role
from courses.verification import SUPPORTED, verify_all
from tests import make
from tutor.accounts.models import User
from tutor.practice.models import Item, Skill
from tutor.studio.exchange import Unreadable, pairs, receive
from tutor.studio.leakage import Asked, leaks
from tutor.studio.models import Dataset, Example
from tutor.studio.splitting import held_out

pytestmark = [pytest.mark.django_db]


NOTES = """# Averages

## The mean
The mean is the number that makes the sum of squared deviations smallest. The deviations from the mean always add up to zero.
The mean has a breakdown point of zero.

## The median
The median is the middle one of the sorted readings. The median resists bad measurements up to half of them.
The median has a breakdown point of fifty percent.

## Errors
The standard deviation describes one reading. The standard error describes the mean of n readings.
The standard error is the standard deviation divided by the square root of the number of readings.
An outlier is a measurement that does not come from the process we think we are measuring.

## Filters
A median filter is a filter that replaces each sample by the median of its neighbours. A moving average is a filter that replaces
each sample by the mean of its neighbours. Exponential smoothing keeps only one number, the last output. A median filter is used
to remove single wild readings. To remove slow drift, subtract a moving average from the signal.

## Noise
White noise is noise that has no memory. The noise variance measures how far single readings lie from their mean.
A moving average divides the noise variance by its length.
"""


@pytest.fixture
def taught(tmp_path: Path) -> Course:
    """A course whose one material has been read."""
    file = tmp_path / "averages.md"
    file.write_text(NOTES, encoding="utf-8")
    call_command("ingest", "averages", str(file), "--create", "--json", stdout=StringIO())
    return Course.objects.get(slug="averages")


@pytest.fixture
def made(taught: Course) -> Dataset:
    """A dataset of the course, made by the command."""
    out = StringIO()
    call_command("dataset", "make", taught.slug, "--limit", "40", "--json", stdout=out)
    return Dataset.objects.get(pk=json.loads(out.getvalue())["dataset"])


@pytest.mark.model
def test_every_kept_answer_is_supported_by_the_passages_it_cites(made: Dataset) -> None:
    kept = made.examples.kept().exclude(kind="problem").prefetch_related("sources__passage")
    assert kept.count() >= 8
    assert len(set(kept.values_list("kind", flat=True))) >= 3
    for example in kept:
        passages = [source.passage.text for source in example.sources.all() if source.passage]
        assert all(source.quote in passages[n] for n, source in enumerate(example.sources.all()))
        claims = [part for part in example.answer.removeprefix("No. ").split(". ") if len(part.split()) > 4]
        claims = [claim if claim.endswith(".") else f"{claim}." for claim in claims]
        verdicts = verify_all(claims, passages)
        assert [verdict.verdict for verdict in verdicts] == [SUPPORTED] * len(claims), example.answer


@pytest.mark.model
def test_no_question_is_kept_twice_and_no_quiz_item_is_given_away(taught: Course) -> None:
    call_command("dataset", "make", taught.slug, "--limit", "10", "--json", stdout=StringIO())
    example = Example.objects.kept().filter(kind="recall").first()
    assert example is not None
    skill = Skill.objects.create(course=taught, name="leak")
    Item.objects.create(
        course=taught,
        skill=skill,
        kind=Item.Kind.SHORT,
        state=Item.State.READY,
        prompt=example.question,
        answer=example.answer,
    )
    call_command("dataset", "make", taught.slug, "--limit", "30", "--json", stdout=StringIO())
    again = Dataset.objects.order_by("-pk").first()
    assert again is not None
    assert example.question not in again.examples.kept().values_list("question", flat=True)
    assert again.examples.filter(reason=Example.Reason.LEAKED, question=example.question).exists()
    questions = list(again.examples.kept().values_list("question", flat=True))
    assert len(questions) == len({question.lower() for question in questions})


@pytest.mark.model
def test_paraphrased_quiz_items_are_found_and_near_misses_are_not_dropped() -> None:
    rows = [
        json.loads(line)
        for line in (Path(__file__).parent.parent / "data" / "leaks.jsonl").read_text().splitlines()
    ]
    bank = [Asked(row["item"], row["item_answer"]) for row in rows if row["leaks"]]
    found = {leak.example for leak in leaks([Asked(row["question"], row["answer"]) for row in rows], bank)}
    planted = {number for number, row in enumerate(rows) if row["leaks"]}
    assert len(planted) == 40
    assert len(found & planted) / len(planted) >= 0.95
    assert len(found - planted) / (len(rows) - len(planted)) <= 0.05


@pytest.mark.model
def test_the_split_is_by_passage(made: Dataset) -> None:
    for example in made.examples.prefetch_related("sources__passage"):
        assert example.held_out == any(
            held_out(source.passage) for source in example.sources.all() if source.passage
        )


@pytest.mark.model
def test_a_dataset_goes_out_and_comes_back_the_same(made: Dataset, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    call_command("dataset", "export", str(made.pk), str(file), stdout=StringIO())
    back = receive(made.course, file)
    fields = ("kind", "question", "answer", "held_out", "origin")
    assert list(back.examples.values_list(*fields)) == list(made.examples.kept().values_list(*fields))
    first = json.loads(file.read_text().splitlines()[0])
    assert [message["role"] for message in first["messages"]] == ["system", "user", "assistant"]


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("pairs.csv", b"", "empty"),
        ("pairs.csv", b"frage,antwort\nwas,das\n", "question"),
        ("pairs.csv", b"question,answer\nWhy?,\n", "Row 2"),
        ("pairs.jsonl", b'{"question": "Why?"}\n', "Row 1"),
        ("pairs.jsonl", b"not json\n", "not JSON"),
        ("pairs.jsonl", b"[1, 2]\n", "not an object"),
        ("pairs.csv", b"question,answer\n", "no rows"),
    ],
)
def test_pairs_that_cannot_be_used_are_refused_in_words_and_leave_nothing(
    name: str, data: bytes, says: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes(data)
    with pytest.raises(Unreadable, match=says):
        receive(make.course(), file)
    assert not Dataset.objects.exists()


def test_an_instructors_pairs_are_read_from_excel_csv() -> None:
    rows = list(
        pairs("question,answer\nWas heißt „Mittel“?,Die Summe durch die Zahl.\n".encode("utf-8-sig"), "p.csv")
    )
    assert [row["question"] for row in rows] == ["Was heißt „Mittel“?"]


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CommandError, match="recall"):
        call_command("dataset", "make", make.course().slug, "--kinds", "riddle")


@pytest.fixture
def example() -> Example:
    dataset = Dataset.objects.create(course=make.course(), title="Pairs", state="done")
    return Example.objects.create(dataset=dataset, kind="own", question="What is a mean?", answer="A sum.")


def _judge(example: Example, person: User, **data: str) -> int:
    client = Client()
    client.force_login(person)
    course = example.dataset.course
    url = f"/c/{course.slug}/studio/datasets/{example.dataset_id}/review/{example.pk}/"
    status = client.post(url, data, headers={"accept": "application/json"}).status_code
    example.refresh_from_db()
    return status


def test_a_person_edits_an_example_and_the_flawed_answer_becomes_the_worse_of_a_pair(
    example: Example,
) -> None:
    teacher = make.enrol(example.dataset.course, role=Role.INSTRUCTOR)
    answer = "A sum divided by how many there are."
    assert _judge(example, teacher, verdict="edit", question=example.question, answer=answer) == 200
    assert (example.answer, example.rejected_answer, example.state) == (answer, "A sum.", Example.State.KEPT)


def test_a_rejected_example_is_never_trained_on(example: Example) -> None:
    teacher = make.enrol(example.dataset.course, role=Role.INSTRUCTOR)
    assert _judge(example, teacher, verdict="reject") == 200
    assert not example.dataset.examples.training().exists()
    assert example.reason == Example.Reason.REJECTED


def test_two_people_show_their_agreement(example: Example) -> None:
    from tutor.studio.card import agreement

    for verdict in ("accept", "reject"):
        _judge(example, make.enrol(example.dataset.course, role=Role.STAFF), verdict=verdict)
    assert agreement(example.dataset) == {"reviewed": 1, "twice": 1, "agreed": 0}


def test_an_empty_answer_is_refused_and_changes_nothing(example: Example) -> None:
    teacher = make.enrol(example.dataset.course, role=Role.INSTRUCTOR)
    assert _judge(example, teacher, verdict="edit", question="What?", answer=" ") == 400
    assert example.answer == "A sum."


def test_students_never_see_the_studio(example: Example) -> None:
    student = make.enrol(example.dataset.course)
    assert _judge(example, student, verdict="accept") == 404
