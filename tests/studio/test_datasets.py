"""Datasets: what is asked, what is kept and why not, review, exchange."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from courses.models import Course, Extract, Passage, Proposition, Role
from courses.verification import SUPPORTED, verify_all
from tests import make
from tests.llm.scripted import Answer, Scripted
from tutor.accounts.models import User
from tutor.chat.models import Conversation, Turn
from tutor.practice.models import Item, Skill
from tutor.studio import making, writing
from tutor.studio.exchange import Unreadable, export, pairs, receive, split
from tutor.studio.exercises.deriving import derived, traced
from tutor.studio.forecast import forecast
from tutor.studio.kinds import Draft, Quoted
from tutor.studio.kinds.asking import questions
from tutor.studio.kinds.formulas import read, solved
from tutor.studio.kinds.reading import cut_up, studied
from tutor.studio.leakage import Asked, leaks
from tutor.studio.making import is_of_one_side
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


@given(texts=st.lists(st.text(min_size=1), min_size=1, max_size=30, unique=True), data=st.data())
@settings(max_examples=50, deadline=None)
def test_no_passage_is_on_both_sides_whatever_drafts_rest_on(texts: list[str], data: st.DataObject) -> None:
    passages = [Passage(pk=number, text=text) for number, text in enumerate(texts)]
    cited = data.draw(
        st.lists(st.lists(st.sampled_from(range(len(texts))), min_size=1, max_size=3), max_size=40)
    )
    rows = [tuple(Quoted(passages[number], 0, 1) for number in one) for one in cited]
    drafts = [Draft("recall", "?", ".", row, "") for row in rows]
    sides: dict[bool, set[int]] = {True: set(), False: set()}
    for draft in filter(is_of_one_side, drafts):
        sides[any(held_out(one.passage) for one in draft.sources)] |= {
            one.passage.pk for one in draft.sources
        }
    assert not sides[True] & sides[False]


@given(
    rows=st.lists(
        st.fixed_dictionaries({"question": st.text(min_size=1), "answer": st.sampled_from("abcdefgh")}),
        max_size=30,
    )
)
@settings(max_examples=30, deadline=None)
def test_imported_pairs_with_one_answer_are_on_one_side(rows: list[dict[str, Any]]) -> None:
    sides: dict[str, set[bool]] = {}
    for row, side in zip(rows, split(Course(pk=0), rows), strict=True):
        sides.setdefault(row["answer"], set()).add(side)
    assert all(len(found) == 1 for found in sides.values())


@pytest.mark.model
def test_a_dataset_goes_out_and_comes_back_the_same(made: Dataset, tmp_path: Path) -> None:
    passages: dict[bool, set[int | None]] = {True: set(), False: set()}
    for example in made.examples.prefetch_related("sources"):
        passages[example.held_out] |= {source.passage_id for source in example.sources.all()}
    assert not passages[True] & passages[False]
    pages = [page for entry in made.card["coverage"]["materials"] for page in entry["pages"]]
    assert sum(page["passages"] for page in pages) == made.course.passages.count()
    assert sum(made.card["made_by"].values()) == made.card["kept"]
    file = tmp_path / "out.jsonl"
    call_command("dataset", "export", str(made.pk), str(file), stdout=StringIO())
    back, count = receive(made.course, file)
    assert count == made.examples.kept().count()
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
    assert agreement(example.dataset) == {"reviewed": 1, "twice": 1, "agreed": 0, "kappa": 0.0}


def test_an_empty_answer_is_refused_and_changes_nothing(example: Example) -> None:
    teacher = make.enrol(example.dataset.course, role=Role.INSTRUCTOR)
    assert _judge(example, teacher, verdict="edit", question="What?", answer=" ") == 400
    assert example.answer == "A sum."


def test_students_never_see_the_studio(example: Example) -> None:
    student = make.enrol(example.dataset.course)
    assert _judge(example, student, verdict="accept") == 404


# What is asked


@pytest.mark.parametrize(
    ("claim", "asked"),
    [
        (
            "The `readline()` function reads the next line in a file.",
            "What does the `readline()` function do?",
        ),
        (
            "The `readline()` function reads the next line in a file.",
            "Which function reads the next line in a file?",
        ),
        (
            "A `FileNotFoundError` is raised if the filename is invalid.",
            "When is a `FileNotFoundError` raised?",
        ),
        ("A `with` statement is followed by a block of lines.", "What is a `with` statement followed by?"),
        ("`super()` is a special method that provides a superclass object.", "What is `super()`?"),
        (
            "The `sort()` method can be changed by using the `key` parameter.",
            "How can the `sort()` method be changed?",
        ),
    ],
)
def test_a_statement_about_code_is_asked_about(claim: str, asked: str) -> None:
    row = cut_up(claim, Passage(text=claim), 0, len(claim))
    assert row is not None
    course = make.course()
    found = make.passage(make.material(course, claim), claim)
    Proposition.objects.create(passage=found, ordinal=0, text=claim, start=0, end=len(claim))
    assert asked in [question for question, _ in questions(row, studied(course))]


@pytest.mark.parametrize(
    "claim",
    [
        "`[2, 3]` is a valid list that holds two numbers.",  # a value of an example
        "Using `isinstance()` allows the programmer to tell types apart.",  # a deed
        "The `count` variable in this example holds the sum.",  # points at what stands around it
        "Write `print(x)` to show the value of x on the screen.",  # a command
    ],
)
def test_what_is_told_of_one_example_is_not_asked_about(claim: str) -> None:
    assert cut_up(claim, Passage(text=claim), 0, len(claim)) is None


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        (r"$$d=\frac{M-1}{2}$$", "M"),
        (r"$$V = \pi r^2h$$", "r"),
        (r"$$x_1 = \frac{-b+\sqrt{b^2+4c}}{2}$$", "b"),
        ("SE = s/n", None),  # "SE" are two letters
        (r"$$x_t = s_t + e_t$$", None),  # nothing to be solved
        (r"$$y_{t}=\alpha x_{t}+(1-\alpha)y_{t-1}$$", None),  # one value by another of the same
        (r"$$\sum_{i=1}^n x_i = 1$$", None),
        (r"$$a = b = c$$", None),
    ],
)
def test_a_formula_is_read_where_it_gives_one_quantity_by_others(formula: str, value: str | None) -> None:
    found = read(formula)
    assert (found.symbols[0] if found else None) == value
    if found is not None:
        answer = solved(found, bytes(range(8)))
        assert answer is not None
        assert value is not None
        assert not set(answer[1].partition("=")[2].split()) & set(
            found.symbols
        )  # every letter has its number


PROGRAM = """
import random


def shrink(values, by):
    \"\"\"Divides each value by a number.\"\"\"
    return [value / by for value in values]


def toss():
    return random.random()


print(shrink([2, 4], 2))
"""


@pytest.fixture
def programmed() -> Course:
    """A course whose one material shows a program."""
    course = make.course()
    material = make.material(course, PROGRAM)
    block = {
        "kind": "code",
        "start": 0,
        "end": len(PROGRAM),
        "anchor": {},
        "level": 0,
        "data": {"language": "python"},
    }
    Extract.objects.filter(material=material).update(blocks=[block])
    make.passage(material, PROGRAM, kind="code", heading_path=["Shrinking"])
    return course


@pytest.mark.usefixtures("sandboxed")
def test_a_function_of_the_material_becomes_an_exercise_that_passed_its_tests(programmed: Course) -> None:
    (draft,) = derived(programmed, set())
    assert draft.program is not None
    assert (draft.failed, draft.program.result.passed) == ("", True)
    assert draft.program.result.killed >= 1
    assert "`shrink([2, 4], 2)` gives `[1.0, 2.0]`" in draft.question
    assert "random" not in draft.answer  # chance cannot be tested, so `toss` is no exercise
    assert not list(traced(programmed, set()))


@pytest.mark.usefixtures("sandboxed")
def test_a_program_of_the_material_becomes_the_question_what_it_prints(programmed: Course) -> None:
    text = "total = 0\nfor number in [1, 2, 3]:\n    total += number\n    print(total)\n"
    material = make.material(programmed, text)
    block = {"kind": "code", "start": 0, "end": len(text), "anchor": {}, "level": 0, "data": {}}
    Extract.objects.filter(material=material).update(blocks=[block])
    make.passage(material, text, kind="code")
    (draft,) = traced(programmed, set())
    assert text.strip() in draft.question
    assert draft.answer == "It prints:\n\n```\n1\n3\n6\n```"


@pytest.mark.usefixtures("sandboxed")
def test_accepting_a_coding_example_gives_it_to_students_and_rejecting_takes_it_back(
    programmed: Course, tmp_path: Path
) -> None:
    dataset = Dataset.objects.create(course=programmed, title="Code", kinds=["coding"], limit=5)
    dataset.claim()
    making.make(dataset)
    example = dataset.examples.get()
    assert example.exercise is not None
    assert dataset.card["exercises"]["count"] == 1
    assert example.as_json()["exercise"]["killed"] == example.exercise.killed
    file = tmp_path / "out.jsonl"
    export(dataset, file)
    back, _ = receive(programmed, file)
    assert back.examples.get().exercise == example.exercise  # the course has it already
    teacher = make.enrol(programmed, role=Role.INSTRUCTOR)
    assert not programmed.exercises.kept().exists()
    _judge(example, teacher, verdict="accept")
    kept = programmed.exercises.kept().get()
    assert kept == example.exercise
    assert kept.item is not None  # through which attempts count for
    assert kept.item.skill.name == "Shrinking"
    _judge(example, teacher, verdict="reject")
    assert not programmed.exercises.kept().exists()


def written_pairs(*rows: dict[str, str]) -> Answer:
    return Answer(json.dumps({"pairs": [{"kind": "recall", "about": "shrinking", **row} for row in rows]}))


@pytest.mark.usefixtures("sandboxed")
@pytest.mark.django_db(transaction=True)
def test_a_capable_endpoint_writes_pairs_and_exercises_which_are_checked_and_repaired(
    programmed: Course,
) -> None:
    wrong = {
        "title": "Shrinking", "task": "Write shrink(values, by).", "starter": "", "hint": "Divide.",
        "solution": "def shrink(values, by):\n    return values\n",
        "tests": "def test_it():\n    assert shrink([2], 2) == [1]\n    assert shrink([9, 3], 3) == [3, 1]\n",
    }  # fmt: skip
    right = {
        "solution": "def shrink(values, by):\n    return [v / by for v in values]\n",
        "tests": wrong["tests"],
    }
    pair = {
        "question": "What does shrink do?",
        "answer": "It divides.",
        "words": "Divides each value by a number.",
    }
    dataset = Dataset.objects.create(course=programmed, title="Code", kinds=["recall", "coding"])
    with Scripted(written_pairs(pair), Answer(json.dumps(wrong)), Answer(json.dumps(right))) as server:
        endpoint = server.endpoint(capable=True, is_default=True)
        endpoint.save()
        first, second = writing.written(dataset, endpoint, dataset.kinds)
        asked = server.requests()
        cost = forecast(programmed, (), dataset.kinds, 10)
    assert (first.sources[0].text, first.made_how) == (pair["words"].rstrip("."), "written by scripted")
    assert second.program is not None
    assert (second.failed, second.program.result.attempts) == ("", 2)
    assert "the left side was [2]" in asked[2].body["messages"][0]["content"]
    assert cost.model == "scripted"
    assert 0 < cost.tokens < cost.most_tokens


def test_what_it_takes_is_said_before_it_starts(programmed: Course) -> None:
    client = Client()
    client.force_login(make.enrol(programmed, role=Role.INSTRUCTOR))
    page = client.get(
        f"/c/{programmed.slug}/studio/datasets/expected/?kinds=coding&limit=10"
    ).content.decode()
    assert "less than a minute" in page
    assert "No model is asked" in page
    client.force_login(make.enrol(programmed))
    assert client.get(f"/c/{programmed.slug}/studio/datasets/expected/").status_code == 404


def test_an_exercise_that_failed_its_tests_is_dropped_for_it() -> None:
    course = make.course()
    found = make.passage(make.material(course, "Sums."), "Sums.")
    draft = Draft(
        "coding",
        "Write add.",
        "…",
        (Quoted(found, 0, 5),),
        "",
        computed=True,
        failed="The tests check nothing.",
    )
    (weighed,) = making.Checks(course, []).weigh([draft])
    assert (weighed.reason, weighed.detail) == (Example.Reason.FAILED, "The tests check nothing.")


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("I am Ada Lovelace, what is a mean?", True),
        ("Write to a@b.org?", True),
        ("My number is 1234567.", True),
        ("What is a mean?", False),
    ],
)
def test_a_students_question_that_names_somebody_is_nobody_elses_to_read(question: str, named: bool) -> None:
    person = make.user(name="Ada Lovelace")
    assert making.names_somebody(Turn(question=question, conversation=Conversation(user=person))) == named


def test_a_dataset_that_somebody_stops_ends_with_what_it_has(example: Example) -> None:
    Example.objects.update(origin=Example.Origin.INSTRUCTOR)
    Dataset.objects.update(state=Dataset.State.QUEUED, stop_requested=True, kinds=["recall"])
    dataset = Dataset.objects.get()
    making.work(dataset)
    dataset.refresh_from_db()
    assert dataset.state == Dataset.State.STOPPED
    assert dataset.card["kept"] == 1


def test_while_a_command_makes_a_dataset_no_worker_takes_it_for_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []

    @contextmanager
    def heartbeat(dataset: Dataset) -> Iterator[None]:
        happened.append("beats")
        yield
        happened.append("rests")

    def make_nothing(dataset: Dataset) -> None:
        happened.append("made")
        dataset.card = {"kept": 0}

    monkeypatch.setattr(Dataset, "heartbeat", heartbeat)
    monkeypatch.setattr("tutor.studio.management.commands.dataset.make", make_nothing)
    with pytest.raises(CommandError, match="Nothing could be asked"):
        call_command("dataset", "make", make.course().slug, stderr=StringIO())
    assert happened == ["beats", "made", "rests"]


# Own pairs, and second looks


def test_own_pairs_are_added_to_what_a_dataset_holds_and_none_twice(example: Example, tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("question,answer\nWhat is a mean? ,Another.\nWhat is a median?,The middle one.\n")
    dataset, count = receive(example.dataset.course, file, into=example.dataset)
    assert (dataset, count) == (example.dataset, 1)
    assert list(dataset.examples.values_list("answer", "origin")) == [
        ("A sum.", "made"),
        ("The middle one.", "instructor"),
    ]


def test_a_second_look_does_not_show_what_the_first_said(example: Example) -> None:
    sampled = Example.objects.create(
        pk=8 * example.pk, dataset=example.dataset, kind="own", question="What is a mean?", answer="."
    )
    first, second = (make.enrol(sampled.dataset.course, role=Role.STAFF) for _ in range(2))
    _judge(sampled, first, verdict="reject")
    client = Client()
    client.force_login(second)
    page = client.get(
        f"/c/{sampled.dataset.course.slug}/studio/datasets/{sampled.dataset_id}/review/?show=double"
    )
    assert "What is a mean?" in page.content.decode()
    assert "rejected" not in page.content.decode().partition("<article")[2].lower().replace(">reject<", "")
