"""Bringing a lesson: in, read, its names out, corrected, deleted; and nothing half-stored where it goes wrong."""

from __future__ import annotations

import csv
import io
import json
import logging
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from coach import bringing, correcting, reviewing
from coach.bringing import Fields, bring
from coach.models import NameMap, Observation, Report, Speaker, Suggestion, UtteranceRow
from coach.readers.said import UnreadableTranscript
from coach.talk import Voice
from courses.models import Role
from tests import make
from tutor.accounts.models import User
from tutor.jobs import State

pytestmark = pytest.mark.django_db

LESSON = """Ms. Rivera: Maya, which is more, a half or a third?
Maya: A half, because there are fewer pieces.
Ms. Rivera: Will, do you agree with Maya?
Will: I will say yes. Maya's idea is right, 1/2 is more than 1/3.
Ms. Rivera: Mark the point on the line, Will.
Will: OK.
"""
ROSTER = ("Maya Johnson", "Will Chen", "Mark Ode")


def brought(text: str | bytes = LESSON, name: str = "lesson.txt", **fields: Any) -> Observation:
    """A lesson that was taken in, not read yet."""
    teacher = fields.pop("teacher", None) or make.user(name="Ana Rivera")
    given = {"title": "Maya’s fractions", "consent": True, "roster": ROSTER, **fields}
    data = text.encode() if isinstance(text, str) else text
    return bring(fields.pop("by", teacher), teacher, ContentFile(data, name=name), Fields(**given))


def read(*args: Any, **fields: Any) -> Observation:
    """A lesson that was brought and read."""
    row = brought(*args, **fields)
    bringing.work(row)
    row.refresh_from_db()
    return row


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def files() -> list[Path]:
    from django.conf import settings

    return [path for path in Path(settings.MEDIA_ROOT).rglob("observations/*/*") if path.is_file()]


def test_a_lesson_is_read_without_names_and_its_file_is_gone() -> None:
    row = read()
    assert row.state == State.DONE
    assert row.step == Observation.Step.SPEAKERS
    assert [(line.speaker.label, line.text) for line in row.utterances.select_related("speaker")] == [
        ("Teacher", "Student A, which is more, a half or a third?"),
        ("Student A", "A half, because there are fewer pieces."),
        ("Teacher", "Student B, do you agree with Student A?"),
        ("Student B", "I will say yes. Student A's idea is right, 1/2 is more than 1/3."),
        ("Teacher", "mark the point on the line, Student B."),
        ("Student B", "OK."),
    ]
    assert row.title == "A student’s fractions"
    assert not row.file
    assert str(row.uuid) not in "".join(map(str, files()))
    assert NameMap.objects.get(observation=row).names["Maya Johnson"] == "Student A"


def test_no_consent_no_lesson() -> None:
    with pytest.raises(bringing.BringingRefused, match="agreed"):
        brought(consent=False)
    assert not Observation.objects.exists()


def workbook(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in rows:
        sheet.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


BAD = {
    "no speakers": ("words\nwithout\nanybody\nnamed\n", "lesson.txt", "No speakers were found"),
    "one speaker": ("Teacher: one\n" * 9, "lesson.txt", "Only one speaker"),
    "far too long": ("Teacher: Why?\nStudent: So.\n" * 10_000, "lesson.txt", "20,000 lines"),
    "two lines": ("Teacher: Why?\nStudent: So.\n", "lesson.txt", "2 lines"),
    "backwards": (
        "[05:00] Teacher: a\n[01:00] Student: b\n[02:00] Teacher: c\n[03:00] Student: d\n",
        "lesson.txt",
        "run backwards at line 2",
    ),
    "a broken JSON": ('[{"speaker": "Teacher", ', "lesson.json", "no valid JSON"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_read_says_what_to_do_and_leaves_nothing_half_stored(what: str) -> None:
    text, name, words = BAD[what]
    row = read(text, name)
    assert row.state == State.FAILED
    assert words in row.error
    assert not row.file
    assert not UtteranceRow.objects.exists()
    assert not Speaker.objects.exists()
    assert str(row.uuid) not in "".join(map(str, files()))


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (b"", "lesson.txt", "empty"),
        (b"  \n\n ", "lesson.txt", "empty"),
        (bytes(range(256)) * 40, "lesson.txt", "not read"),
        (b"%PDF-1.7 ...", "lesson.pdf", "no kind of file"),
        (b"<html><body>Teacher: hi</body></html>", "lesson.html", "no kind of file"),
        (LESSON.encode(), "lesson.docx", "not a Word file"),
    ],
)
def test_what_is_no_transcript_is_refused_at_once(data: bytes, name: str, words: str) -> None:
    with pytest.raises((bringing.BringingRefused, UnreadableTranscript), match=words):
        brought(data, name)
    assert not Observation.objects.exists()
    assert not NameMap.objects.exists()


def test_a_failed_lesson_takes_another_file() -> None:
    row = read("nothing", "lesson.txt")
    assert row.state == State.FAILED
    bringing.bring_again(row, ContentFile(LESSON.encode(), name="better.txt"))
    row.refresh_from_db()
    assert row.state == State.QUEUED
    bringing.work(row)
    row.refresh_from_db()
    assert row.state == State.DONE
    assert not any("Maya" in line.text for line in row.utterances.all())


def test_a_table_waits_for_its_columns_and_stores_nothing_of_them() -> None:
    rows: list[list[Any]] = [
        ["Who spoke", "Secs", "Words"],
        *[[who, n * 7, f"{who} speaks about it"] for n, who in enumerate(["Ms. Rivera", "Maya"] * 4)],
    ]
    row = brought(workbook(rows), "lesson.xlsx")
    assert (row.state, row.step, row.columns) == (State.DONE, Observation.Step.COLUMNS, {})
    client = signed_in(row.teacher)
    page = client.get(reverse("coach:columns", args=[row.uuid]))
    assert page.status_code == 200
    assert "Maya speaks about it" in page.content.decode()  # as it is in the file
    assert "0:07" not in page.content.decode()
    form = {"speaker": "Who spoke", "text": "Words", "start": "Secs"}
    page = client.post(reverse("coach:columns", args=[row.uuid]), {**form, "preview": "1"})
    assert "0:07" in page.content.decode()
    client.post(reverse("coach:columns", args=[row.uuid]), form)
    row.refresh_from_db()
    assert (row.state, row.step) == (State.QUEUED, Observation.Step.SPEAKERS)
    bringing.work(row)
    row.refresh_from_db()
    assert row.state == State.DONE
    assert row.columns == {}
    assert [line.start for line in row.utterances.all()][:3] == [0, 7000, 14000]
    assert {line.text for line in row.utterances.all()} == {
        "Teacher speaks about it",
        "Student A speaks about it",
    }


def test_a_recording_is_kept_only_if_the_person_said_so(tmp_path: Path) -> None:
    row = brought(b"ID3" + b"\0" * 4000, "Maya's lesson.mp3", keep_recording=True)
    assert row.kind == "media"
    assert "Maya" not in str(row.file.name)
    bringing.work(row)
    row.refresh_from_db()
    assert row.state == State.FAILED  # there is nothing to hear in it
    assert not row.file


def test_the_lesson_can_be_scored_once_its_speakers_are_confirmed() -> None:
    row = read()
    client = signed_in(row.teacher)
    speakers = {speaker.label: speaker for speaker in row.speakers.all()}
    answer = client.post(
        reverse("coach:speakers", args=[row.uuid]),
        {f"voice-{speaker.pk}": speaker.voice for speaker in speakers.values()},
    )
    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.step == Observation.Step.READY
    page = client.get(row.get_absolute_url()).content.decode()
    assert "Make the report" in page
    client.post(reverse("coach:score", args=[row.uuid]))
    assert Report.objects.get(observation=row).state == State.QUEUED


def test_who_is_the_teacher_after_all_gets_the_label_everywhere() -> None:
    row = read()
    speakers = {speaker.label: speaker for speaker in row.speakers.all()}
    bringing.confirm_speakers(row, {speakers["Teacher"].pk: "student", speakers["Student A"].pk: "teacher"})
    assert [(line.speaker, line.voice) for line in row.transcript()][:3] == [
        ("Student A", Voice.STUDENT),
        ("Teacher", Voice.TEACHER),
        ("Student A", Voice.STUDENT),
    ]
    assert row.transcript()[1].text == "Teacher, which is more, a half or a third?"
    assert NameMap.objects.get(observation=row).names["Maya Johnson"] == "Teacher"


def correct(client: Client, row: Observation, act: str, **values: Any) -> Any:
    row.refresh_from_db()
    url = reverse("coach:correct", args=[row.uuid])
    data = {"act": act, "revision": row.revision, **values}
    return client.post(url, json.dumps(data), content_type="application/json")


def test_every_correction_moves_the_revision_and_keeps_the_lines_in_order() -> None:
    row = read()
    client = signed_in(row.teacher)
    before = row.revision
    lines = list(row.utterances.all())
    answer = correct(client, row, "write", line=lines[1].pk, text="A half, says Maya Johnson.")
    assert answer.json()["lines"][0]["text"] == "A half, says Student A."
    answer = correct(client, row, "split", line=lines[3].pk, at=len("I will say yes."))
    assert [line["line"] for line in answer.json()["lines"]] == [1, 2, 3, 4, 5, 6, 7]
    assert answer.json()["lines"][4]["text"].startswith("Student A's idea")
    answer = correct(client, row, "join", line=lines[4].pk)
    assert [line["text"] for line in answer.json()["lines"]][
        -1
    ] == "mark the point on the line, Student B. OK."
    teacher = row.speakers.get(label="Teacher")
    correct(client, row, "assign", line=lines[1].pk, speaker=teacher.pk)
    correct(client, row, "drop", line=lines[0].pk)
    row.refresh_from_db()
    assert row.revision == before + 5
    assert [line.line for line in row.utterances.all()] == [1, 2, 3, 4, 5]
    assert row.transcript()[1].speaker == "Teacher"


def test_a_name_that_is_corrected_away_goes_from_the_reports_quotes_too() -> None:
    talk = (*make.TALK[:7], ("Student A", "Zelda, because four is more than one?"), *make.TALK[8:])
    report = make.report(make.observation(talk=talk), Report.Status.SIGNED)
    lesson = report.observation
    Suggestion.objects.update(quote="Zelda, because four", say="What makes Zelda think so?")
    correcting.drop(lesson, lesson.utterances.get(line=1).pk)  # the report's lines are now those of before
    line = lesson.utterances.get(text__contains="Zelda")
    correcting.write(lesson, line.pk, "Student B, because four is more than one?")
    suggestion, finding = Suggestion.objects.get(), report.findings.get(kind="missed")
    assert suggestion.quote == "Student B, because four is more than one?"
    assert suggestion.say == "What makes … think so?"
    assert finding.quote == "because four is more than one?"  # still said
    assert report.findings.get(kind="highlight").quote == "How do you know?"


def test_a_change_made_elsewhere_is_not_overwritten() -> None:
    row = read()
    client = signed_in(row.teacher)
    line = row.utterances.first()
    assert line is not None
    url = reverse("coach:correct", args=[row.uuid])
    old = {"act": "write", "revision": row.revision - 1, "line": line.pk, "text": "Something else."}
    answer = client.post(url, json.dumps(old), content_type="application/json")
    assert answer.status_code == 409
    assert "Reload" in answer.json()["error"]
    line.refresh_from_db()
    assert line.text != "Something else."


@pytest.mark.parametrize(
    "act",
    [
        {"act": "write", "line": 0, "text": "x"},
        {"act": "write", "line": 1},
        {"act": "nothing"},
        {"act": "split", "line": 1, "at": "x"},
        {"act": "rename", "speaker": 0, "label": "B"},
        [],
    ],
)
def test_a_correction_that_cannot_be_is_answered_in_words(act: Any) -> None:
    row = read()
    data = {**act, "revision": row.revision} if isinstance(act, dict) else act
    answer = signed_in(row.teacher).post(
        reverse("coach:correct", args=[row.uuid]), json.dumps(data), content_type="application/json"
    )
    assert answer.status_code in (400, 422)
    assert "Reload" in answer.json()["error"]


def test_speakers_are_renamed_merged_and_never_called_by_a_name() -> None:
    row = read()
    client = signed_in(row.teacher)
    speakers = {speaker.label: speaker.pk for speaker in row.speakers.all()}
    refused = correct(client, row, "rename", speaker=speakers["Student A"], label="Maya")
    assert refused.status_code == 422
    assert "nobody" in refused.json()["error"]
    correct(client, row, "rename", speaker=speakers["Student A"], label="Student at the window")
    assert row.transcript()[1].text.startswith("Student at the window, which is more")
    correct(client, row, "merge", speaker=speakers["Student B"], into=speakers["Student A"])
    assert {line.speaker for line in row.transcript()} == {"Teacher", "Student at the window"}
    added = correct(client, row, "add_speaker", label="", voice="group")
    assert added.json()["speakers"][-1]["label"] == "Students"


def test_timed_words_follow_a_correction() -> None:
    words = [{"word": w, "start": n, "end": n + 0.5} for n, w in enumerate(["So", "Maya", "Johnson", "why?"])]
    told = [
        {"speaker": "Ms. Rivera", "text": "So Maya Johnson why?", "start": 0, "end": 3.5, "words": words},
        *[
            {"speaker": who, "text": "Because it is.", "start": 5 + n, "end": 6 + n}
            for n, who in enumerate(["Maya", "Will", "Maya"])
        ],
    ]
    row = read(json.dumps(told), "lesson.json")
    first = row.utterances.get(line=1)
    assert first.words == [["So", 0, 500], ["Student A", 1000, 2500], ["why?", 3000, 3500]]
    correcting.write(row, first.pk, "So, Student A, tell me why?")
    first.refresh_from_db()
    assert " ".join(word for word, _, _ in first.words) == "So, Student A, tell me why?"
    assert first.words[-1] == ["why?", 3000, 3500]


def test_the_names_are_the_teachers_alone_and_can_be_forgotten() -> None:
    coach, teacher = make.user(is_coach=True), make.user(name="Ana Rivera")
    row = read(teacher=teacher)
    Observation.objects.filter(pk=row.pk).update(brought_by=coach)
    url = reverse("coach:names", args=[row.uuid])
    assert signed_in(coach).get(row.get_absolute_url()).status_code == 200
    assert signed_in(coach).get(url).status_code == 404
    page = signed_in(teacher).get(url)
    assert "Maya Johnson" in page.content.decode()
    assert b"Maya" not in bytes(NameMap.objects.get(observation=row).secret)
    signed_in(teacher).post(url)
    assert not NameMap.objects.exists()
    assert row.utterances.count() == 6


def test_a_lesson_outlives_the_key_its_names_were_encrypted_with() -> None:
    done, waiting = read(), brought()
    NameMap.objects.update(secret=b"of another key")
    client = signed_in(done.teacher)
    page = client.get(reverse("coach:names", args=[done.uuid])).content.decode()
    assert "The names cannot be read any more" in page
    correcting.rename(done, done.speakers.get(label="Student A").pk, "Student X")
    assert done.utterances.filter(text__contains="Student X").exists()
    bringing.work(waiting)  # without its list of the class, no names can be taken out of it
    waiting.refresh_from_db()
    assert waiting.state == State.FAILED
    assert "SECRET_KEY has changed" in waiting.error
    assert not waiting.file
    assert not waiting.utterances.exists()


def test_names_are_not_forgotten_before_they_were_taken_out() -> None:
    waiting = brought("speaker,text\n" + "Teacher,Why?\nMaya,So.\n" * 5, "lesson.csv")
    failed = read("Maya: nobody answered me.\n" * 4)
    assert failed.state == State.FAILED
    for row in (waiting, failed, brought()):
        url = reverse("coach:names", args=[row.uuid])
        page = signed_in(row.teacher).post(url, follow=True).content.decode()
        assert "The names are needed to take them out" in page
        assert "Maya Johnson" in NameMap.objects.get(observation=row).names


def test_who_brought_a_lesson_cannot_delete_it_once_its_teacher_has_a_report() -> None:
    coach = make.user(is_coach=True)
    row = make.observation(brought_by=coach)
    url = reverse("coach:delete", args=[row.uuid])
    assert url in signed_in(coach).get(row.get_absolute_url()).content.decode()
    make.report(row)
    assert url not in signed_in(coach).get(row.get_absolute_url()).content.decode()
    assert signed_in(coach).post(url).status_code == 404
    assert Observation.objects.filter(pk=row.pk).exists()
    signed_in(row.teacher).post(url)
    assert not Observation.objects.filter(pk=row.pk).exists()


def test_a_recording_stays_in_no_browsers_cache() -> None:
    row = make.observation(kind="media", keep_recording=True)
    row.file.save("original.mp3", ContentFile(b"ID3 sound"))
    answer = signed_in(row.teacher).get(reverse("coach:listen", args=[row.uuid]))
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]


def test_others_find_nothing() -> None:
    row = read()
    stranger = signed_in(make.user(is_coach=True))
    for name in ("observation", "columns", "status", "names", "listen"):
        assert stranger.get(reverse(f"coach:{name}", args=[row.uuid])).status_code == 404, name
    for name in ("speakers", "correct", "again", "delete"):
        assert stranger.post(reverse(f"coach:{name}", args=[row.uuid])).status_code == 404, name
    assert stranger.get(reverse("coach:download", args=[row.uuid, "csv"])).status_code == 404


def test_the_transcript_can_be_taken_along() -> None:
    row = read(LESSON + "Maya: =SUM(A1)\n")
    client = signed_in(row.teacher)
    got = client.get(reverse("coach:download", args=[row.uuid, "csv"])).content.decode()
    rows = list(csv.DictReader(io.StringIO(got)))
    assert rows[0] | {"start_ms": ""} == {
        "line": "1", "speaker": "Teacher", "voice": "teacher",
        "text": "Student A, which is more, a half or a third?", "start_ms": "", "end_ms": "",
    }  # fmt: skip
    assert rows[-1]["text"] == "'=SUM(A1)"
    assert (
        client.get(reverse("coach:download", args=[row.uuid, "txt"]))
        .content.decode()
        .startswith("Teacher: Student A,")
    )
    again = read(
        client.get(reverse("coach:download", args=[row.uuid, "json"])).content,
        "again.json",
        teacher=row.teacher,
    )
    assert [line.text for line in again.transcript()] == [line.text for line in row.transcript()]


def test_a_deleted_lesson_is_gone_with_everything() -> None:
    row = read()
    signed_in(row.teacher).post(reverse("coach:delete", args=[row.uuid]))
    assert not Observation.objects.exists()
    assert not UtteranceRow.objects.exists()
    assert not NameMap.objects.exists()


def test_a_waiting_file_goes_with_its_teachers_account(django_capture_on_commit_callbacks: Any) -> None:
    row = brought("speaker,text\n" + "Teacher,Why?\nMaya,So.\n" * 5, "lesson.csv")
    path = Path(row.file.path)
    assert path.exists()
    with django_capture_on_commit_callbacks(execute=True):
        row.teacher.delete()
    assert not path.parent.exists()


def test_a_teachers_own_data_hold_their_lessons_and_neither_names_nor_other_peoples_lessons() -> None:
    row, other = read(), make.report(make.observation(make.user()))
    coach = make.user(is_coach=True, name="Cora")
    report = make.report(row, Report.Status.SHARED)
    reviewing.say(report, coach, "Look at the second line.")
    text = signed_in(row.teacher).get(reverse("accounts:export")).content.decode()
    data = json.loads(text)
    assert [lesson["title"] for lesson in data["coach.observation"]] == ["A student’s fractions"]
    assert len(data["coach.utterancerow"]) == row.utterances.count()
    assert [comment["text"] for comment in data["coach.comment"]] == ["Look at the second line."]
    assert "secret" not in data["coach.namemap"][0]
    assert other.observation.title not in text
    assert not any(name in text for name in ("Maya", "Johnson", "Chen", "Ode"))
    mine = json.loads(signed_in(coach).get(reverse("accounts:export")).content)
    assert "coach.observation" not in mine or mine["coach.observation"] == []


def test_the_page_takes_a_pasted_lesson_with_the_names_of_a_course() -> None:
    teacher = make.user(name="Ana Rivera")
    course = make.course()
    make.enrol(course, teacher, role=Role.INSTRUCTOR)
    make.enrol(course, make.user(name="Maya Johnson"))
    make.enrol(course, make.user(name="Will Chen"))
    form = {
        "text": LESSON, "taught_on": timezone.localdate().isoformat(), "purpose": "growth", "consent": "on",
        "course": course.pk, "title": "A lesson with Will", "roster": "",
    }  # fmt: skip
    answer = signed_in(teacher).post(reverse("coach:new"), form)
    row = Observation.objects.get()
    assert answer["Location"] == row.get_absolute_url()
    assert row.title == "A lesson with a student"
    bringing.work(row)
    assert all("Maya" not in line.text and "Will" not in line.text for line in row.utterances.all())


def test_the_page_says_at_each_field_what_is_missing() -> None:
    answer = signed_in(make.user()).post(
        reverse("coach:new"), {"taught_on": "x"}, headers={"Accept": "application/json"}
    )
    assert answer.status_code == 422
    assert {"file", "taught_on", "consent", "purpose"} <= answer.json()["errors"].keys()
    page = signed_in(make.user()).post(
        reverse("coach:new"),
        {
            "file": SimpleUploadedFile("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(200)), "consent": "on",
            "taught_on": "2026-10-02", "purpose": "growth",
        },
    )  # fmt: skip
    assert page.status_code == 422
    assert "Pictures are not read" in page.content.decode()


def test_a_coach_brings_a_lesson_for_a_teacher() -> None:
    coach, teacher = make.user(is_coach=True), make.user("tea@example.org")
    form = {
        "text": LESSON,
        "taught_on": "2026-10-02",
        "purpose": "coaching",
        "consent": "on",
        "teacher_email": "nobody@example.org",
    }
    answer = signed_in(coach).post(reverse("coach:new"), form)
    assert "Nobody here has this address" in answer.content.decode()
    signed_in(coach).post(reverse("coach:new"), {**form, "teacher_email": "Tea@example.org"})
    row = Observation.objects.get()
    assert (row.teacher, row.brought_by) == (teacher, coach)
    other = make.user()
    signed_in(other).post(reverse("coach:new"), {**form, "teacher_email": "tea@example.org"})
    assert Observation.objects.get(brought_by=other).teacher == other  # who is no coach brings their own


def test_a_deleted_lesson_is_left_by_the_worker() -> None:
    row = brought()
    Observation.objects.filter(pk=row.pk).update(state=State.STOPPED)
    bringing.work(row)
    row.refresh_from_db()
    assert row.state == State.STOPPED
    assert not UtteranceRow.objects.exists()


def test_the_log_says_where_it_failed_and_not_what_it_read(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    row = brought()

    def broken(*args: Any) -> None:
        raise ValueError(ROSTER[0])

    monkeypatch.setattr(bringing, "deidentified", broken)
    with caplog.at_level(logging.DEBUG):
        bringing.work(row)
    row.refresh_from_db()
    assert row.state == State.FAILED
    assert not row.file
    assert "ValueError" in caplog.text
    assert "Maya" not in caplog.text
    assert "Maya" not in row.error


def test_files_that_nobody_comes_back_for_are_deleted() -> None:
    row = brought("speaker,text\n" + "Teacher,Why?\nMaya,So.\n" * 5, "lesson.csv")
    assert bringing.forget_files() == 0
    Observation.objects.filter(pk=row.pk).update(created=timezone.now() - bringing.FORGOTTEN * 2)
    assert bringing.forget_files() == 1
    row.refresh_from_db()
    assert (row.state, row.file.name) == (State.FAILED, "")
