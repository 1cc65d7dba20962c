"""No name of the roster is left: not in a row, a page, an export or a log, also where the names are words."""

from __future__ import annotations

import html
import io
import json
import logging
import re
from typing import Any

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coach import bringing
from coach.bringing import Fields, bring
from coach.deidentification import Names, deidentified, parts, roster_names, without_names
from coach.models import NameMap, Observation
from coach.readers.said import Said
from coach.speakers import cast_of
from tests import make
from tutor.jobs import State

WORDS = [
    "Will", "May", "Mark", "Grace", "Rose", "Hope", "Art", "Angel", "Chase", "Summer", "Bill", "Frank", "Drew", "Sue", "Pat",
    "Max", "Jack", "Joy", "Faith", "August", "Penny", "Dean", "Miles",
]  # fmt: skip
PLAIN = [
    "Maya",
    "José",
    "Zoë",
    "Jayden",
    "O'Brien",
    "Mary-Jane",
    "Siobhán",
    "Nguyễn",
    "Aaliyah",
    "D’Angelo",
    "Kwame",
    "Li",
]
LAST = ["Johnson", "Rivera", "O'Neil", "Young", "Brown", "Okafor", "García", "Smith-Lee", "Page", "Bell"]


def names_for(*roster: str, **more: Any) -> Names:
    return Names({name: f"Student {chr(65 + place)}" for place, name in enumerate(roster)}, **more)


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("Maya Johnson's answer is 3/4.", "Student A's answer is 3/4."),
        ("MAYA, MAYA JOHNSON, maya", "Student A, Student A, Student A"),
        ("Johnson, Maya and Maya J. said 12.5", "Student A and Student A said 12.5"),
        ("Ms. Johnson wrote to M. Johnson", "Student A wrote to Student A"),
        ("mayas idea", "Student A’s idea"),
        ("Maya'll see, and MAYA’S too", "Student A'll see, and Student A’S too"),
        ("Write to maya.johnson@school.example, please", "Write to [e-mail], please"),
        ("mayajohnson and mjohnson", "Student A and Student A"),
        ("the 7 in 70 is 10 times the 7 in 7", "the 7 in 70 is 10 times the 7 in 7"),
        ("Papaya and mayor stay", "Papaya and mayor stay"),
    ],
)
def test_a_name_goes_in_every_form(text: str, without: str) -> None:
    assert names_for("Maya Johnson").replace(text) == without


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("Will you show us? May I?", "will you show us? may I?"),
        ("Mark the point. Hope that helps.", "mark the point. hope that helps."),
        ("Will, what do you think?", "Student A, what do you think?"),
        ("I think Will is right and May too.", "I think Student A is right and Student B too."),
        ("It will be 5 miles.", "It will be 5 miles."),
        ("thanks will", "thanks Student A"),
        ("We may mark it, said Mark.", "We may mark it, said Student C."),
        ("mark's line is right", "Student C's line is right"),
        ("Ask grace to read.", "Ask Student E to read."),
        ("Max, can you say it?", "Student F, can you say it?"),
        ("Grace.", "Student E."),
        ("WILL YOU MARK THE POINT, WILL?", "will YOU mark THE POINT, Student A?"),
        ("I drew a rose in art, Ms. Rose.", "I drew a rose in art, Student G."),
    ],
)
def test_names_that_are_words_go_where_they_are_names(text: str, without: str) -> None:
    names = names_for("Will", "May", "Mark", "Hope", "Grace", "Max", "Rose")
    assert names.replace(text) == without


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("okay will what do you think", "okay Student A what do you think"),
        ("i may mark the point", "i may mark the point"),
        ("so mark and maya both got it", "so Student C and Student D both got it"),
        ("will you try mark", "will you try Student C"),
        ("it will be in may", "it will be in may"),
        ("grace said three", "Student E said three"),
    ],
)
def test_without_capitals_the_place_decides(text: str, without: str) -> None:
    names = names_for("Will", "May", "Mark", "Maya", "Grace", lower=True)
    assert names.replace(text) == without


def test_a_name_goes_where_words_are_not_set_apart() -> None:
    assert (
        names_for("王伟").replace("我同意王伟说的。王伟，为什么？")
        == "我同意Student A说的。Student A，为什么？"
    )


def test_students_of_one_name_are_nobody_in_particular() -> None:
    names = names_for("Maya Johnson", "Maya Lee")
    assert names.replace("Maya Lee, ask Maya.") == "Student B, ask Student."


def test_the_roster_is_read_as_people_write_it() -> None:
    assert roster_names("1. Johnson, Maya\n- Chen, Will\n\nMaya Johnson\tmaya@school.example\t4B") == [
        "Johnson, Maya", "Chen, Will", "Maya Johnson",
    ]  # fmt: skip
    assert roster_names("Maya, Will, Grace") == ["Maya", "Will", "Grace"]
    assert parts("Rivera, Ms. Ana") == ["ana", "rivera"]


def spoken(*lines: tuple[str, str]) -> list[Said]:
    return [Said(speaker, text) for speaker, text in lines]


def test_speakers_and_roster_are_the_same_people() -> None:
    found = deidentified(
        spoken(
            ("RIVERA, ANA (teacher)", "Who can say why? Maya J?"),
            ("Maya J.", "Because Bill says so."),
            ("maya johnson", "And it is 5."),
            ("Will & Grace", "Yes!"),
            ("Student J", "No."),
            ("All", "Yes."),
        ),
        ["Maya Johnson", "William (Bill) Chen", "Grace Lee"],
    )
    assert [(u.speaker, u.voice.value, u.text) for u in found.transcript] == [
        ("Teacher", "teacher", "Who can say why? Student A?"),
        ("Student A", "student", "Because Student B says so."),
        ("Student A", "student", "And it is 5."),
        ("Students", "group", "Yes!"),
        ("Student J", "student", "No."),
        ("Students", "group", "Yes."),
    ]


@pytest.mark.parametrize(
    ("speaker", "label", "names"),
    [
        ("student li", "Student A", {"li": "Student A"}),
        ("STUDENT LI", "Student A", {"LI": "Student A"}),
        ("pupil ana", "Student A", {"ana": "Student A"}),
        ("student b", "Student b", {}),
        ("STUDENT 12", "STUDENT 12", {}),
        ("Student AB", "Student AB", {}),
    ],
)
def test_a_short_name_behind_the_word_student_is_a_name(
    speaker: str, label: str, names: dict[str, str]
) -> None:
    cast = cast_of([Said("Teacher", "Why?"), Said(speaker, "So.")] * 3, [])
    assert cast.of(speaker).label == label
    assert cast.labels == names


def test_the_teacher_is_who_speaks_and_asks_most_where_nobody_is_called_so() -> None:
    found = deidentified(
        spoken(
            ("SPEAKER_01", "Why?"),
            ("SPEAKER_00", "Tell me more about that please, and how do you know?"),
            ("SPEAKER_01", "It is."),
            ("SPEAKER_00", "What did the others think of it? Is it so?"),
        )
    )
    assert [u.speaker for u in found.transcript] == ["SPEAKER_01", "Teacher", "SPEAKER_01", "Teacher"]
    assert "taken for the teacher" in found.notes[0]


def test_a_teacher_whom_only_the_students_name_goes_too() -> None:
    found = deidentified(
        spoken(
            ("Teacher", "Yes?"),
            ("Student A", "Mrs. Patel, may I?"),
            ("Teacher", "Ask Mr Oduya."),
            ("Student A", "OK"),
        )
    )
    assert [u.text for u in found.transcript][1:3] == ["Teacher, may I?", "Ask Teacher 2."]


def test_where_a_name_was_left_as_a_word_is_said_without_saying_it() -> None:
    found = deidentified(
        spoken(
            ("Teacher", "i will mark the point"), ("Will", "ok"), ("Teacher", "thanks will"), ("Will", "sure")
        ),
        ["Mark"],
    )
    assert [u.text for u in found.transcript] == ["i will mark the point", "ok", "thanks Student A", "sure"]
    assert "in line 1. Please check" in found.notes[-1]
    assert "will" not in found.notes[-1]


# The property ---------------------------------------------------------------------------------------------------------

SAID_OF = [  # always of a person
    "{}, what do you think?", "I agree with {}.", "Thank you, {}.", "{}'s answer is 3/4.", "What did {} say?",
    "It was {} who said 12.",
    "Ask {}!", "{} said it is 1/2 of 10.", "(To {}) Sit down, please.", "“{} did it”, she said.", "Hey {}—over here.",
    "Is {} here?",
    "So {} and I got 7.", "{}", "Good job, {}!", "No,{},wait.", "{}’s and {}'s",
]  # fmt: skip
SAID_OTHERWISE = [
    "Mark the point on the line.",
    "Will you try it?",
    "May I go?",
    "It may be 5, and it will be more.",
    "I hope so.",
]


@st.composite
def classes(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]]]:
    """A roster, and a lesson in which its names are said in every way."""
    firsts = draw(st.lists(st.sampled_from(WORDS + PLAIN), min_size=2, max_size=6, unique=True))
    roster = [
        draw(st.sampled_from([first, f"{first} {last}", f"{last}, {first}"]))
        for first, last in zip(firsts, draw(st.permutations(LAST)), strict=False)
    ]
    forms = [form for name in roster for form in (name, *re.findall(r"[^\s,]+", name))]
    lines = [("Teacher", "Good morning."), ("Student Q", "Morning.")]
    for _ in range(draw(st.integers(3, 8))):
        if draw(st.booleans()):
            text = draw(st.sampled_from(SAID_OF))
            form = draw(st.sampled_from(forms))
            if draw(st.booleans()):
                form = form.upper()
            text = text.replace("{}", form)
        else:
            text = draw(st.sampled_from(SAID_OTHERWISE))
        speaker = draw(st.sampled_from(["Teacher", "Student Q", *roster]))
        lines.append((speaker, text))
    return roster, lines


@pytest.mark.parametrize("template", SAID_OF)
def test_names_that_are_words_go_from_what_is_only_said_of_people(template: str) -> None:
    for name in WORDS:
        for form in (name, name.upper()):
            text = names_for(name).replace(template.replace("{}", form))
            assert not re.search(rf"\b{name}\b", text, re.IGNORECASE), text
        text = names_for(name, lower=True).replace(template.replace("{}", name).lower())
        assert not re.search(rf"\b{name}\b", text, re.IGNORECASE), text


def capitalised(name: str) -> list[re.Pattern[str]]:
    """What must not be found: each part of a name with a capital, or in capitals; those that are no word in any case."""
    found = []
    for part in re.findall(r"[^\s,\-'’]+", name):
        if len(part) < 3 and part not in PLAIN:
            continue
        if part in WORDS or part in ("Young", "Brown", "Page", "Bell"):
            found.append(re.compile(rf"(?<!\w)(?:{part}|{part.upper()})(?!\w)"))
        else:
            found.append(re.compile(rf"(?<!\w){re.escape(part)}(?!\w)", re.IGNORECASE))
    return found


def everything_stored() -> str:
    """All text and JSON of all of coaching's tables, and of the audit log."""
    pieces: list[str] = []
    for model in [*apps.get_app_config("coach").get_models(), apps.get_model("accounts", "AuditEntry")]:
        for row in model._default_manager.all():
            for field in model._meta.concrete_fields:
                value = getattr(row, field.attname)
                if isinstance(field, models.JSONField):
                    value = json.dumps(value, ensure_ascii=False)
                if isinstance(value, str | bytes | memoryview):
                    pieces.append(value if isinstance(value, str) else bytes(value).decode("latin-1"))
    return "\n".join(pieces)


def lesson_text(page: str) -> str:
    """What the page says of the lesson, without the page's own words around it."""
    body = page[page.index("<main") : page.index("<dialog")]
    data = page[page.index('id="editor"') :]
    return html.unescape(re.sub(r"<[^>]*>", " ", body)) + data


@pytest.mark.django_db
@given(lesson=classes(), kind=st.sampled_from(["txt", "csv", "json"]))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_name_survives_in_rows_pages_exports_or_logs(
    lesson: tuple[list[str], list[tuple[str, str]]], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    roster, lines = lesson
    Observation.objects.all().delete()
    caplog.clear()
    teacher = make.user()
    client = Client()
    client.force_login(teacher)
    with caplog.at_level(logging.DEBUG):
        row = bring(
            teacher,
            teacher,
            ContentFile(written(lines, kind), name=f"{roster[0]}.{kind}"),
            Fields(
                title=f"Fractions with {roster[0]}", goal_of_lesson=f"That {roster[1]} understands", consent=True,
                roster=roster, subject=roster[-1],
            ),
        )  # fmt: skip
        if kind == "csv":
            assert client.get(reverse("coach:columns", args=[row.uuid])).status_code == 200
            bringing.name_columns(row, {"speaker": "who", "text": "words"})
        bringing.work(row)
        row.refresh_from_db()
        assert row.state == State.DONE, row.error
        line = row.utterances.first()
        assert line is not None
        said = f"I asked {roster[0]} and {roster[1].upper()}."
        client.post(
            reverse("coach:correct", args=[row.uuid]),
            json.dumps({"act": "write", "revision": row.revision, "line": line.pk, "text": said}),
            content_type="application/json",
        )
        page = client.get(row.get_absolute_url()).content.decode()
        exports = [
            client.get(reverse("coach:download", args=[row.uuid, ending])).content.decode()
            for ending in ("txt", "csv", "json")
        ]
    stored = everything_stored()
    records = [record for record in caplog.records if not record.name.startswith("hypothesis")]
    logs = "\n".join(record.getMessage() for record in records)
    for pattern in (pattern for name in roster for pattern in capitalised(name)):
        for place, text in {
            "rows": stored,
            "page": lesson_text(page),
            "exports": "\n".join(exports),
            "logs": logs,
        }.items():
            found = pattern.search(text)
            assert found is None, (
                f"{found[0]!r} is left in the {place}: …{text[max(0, found.start() - 60) : found.end() + 60]}…"
            )
    assert set(NameMap.objects.get(observation=row).names) >= {
        name for name in roster_names(roster) if parts(name)
    }


def written(lines: list[tuple[str, str]], kind: str) -> bytes:
    if kind == "json":
        return json.dumps(
            [{"speaker": who, "text": text} for who, text in lines], ensure_ascii=False
        ).encode()
    if kind == "csv":
        import csv

        out = io.StringIO()
        csv.writer(out).writerows([("who", "words"), *lines])
        return out.getvalue().encode()
    return "".join(f"{who}: {text}\n" for who, text in lines).encode()


@pytest.mark.django_db
def test_a_comment_on_a_lesson_has_no_names_either() -> None:
    teacher = make.user()
    lines = [("Teacher", "Maya?"), ("Maya Johnson", "Yes."), ("Teacher", "Why?"), ("Maya Johnson", "So.")]
    row = bring(teacher, teacher, SimpleUploadedFile("x.txt", written(lines, "txt")), Fields(consent=True))
    bringing.work(row)
    row.refresh_from_db()
    assert without_names(row, "Maya was great, ask Ms. Johnson.") == "Student A was great, ask Student A."
    bringing.forget_names(row)
    assert without_names(row, "Maya was great.") == "Maya was great."
