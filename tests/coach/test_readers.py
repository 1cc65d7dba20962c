"""Transcripts as people have them: every kind, well made and badly made, on files made here."""

from __future__ import annotations

import io
import json
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from docx import Document

from coach import readers
from coach.readers import UnreadableTranscript, read_transcript
from coach.readers.recordings import guessed
from coach.readers.said import Said, clock
from coach.talk import Transcript

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def made(name: str, data: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    return made


def lines(transcript: Transcript) -> list[tuple[str, str, str]]:
    return [(row.speaker, row.voice.value, row.text) for row in transcript]


def times(transcript: Transcript) -> list[tuple[int | None, int | None]]:
    return [(row.start, row.end) for row in transcript]


TALK = [
    ("Teacher", "teacher", "Which is more, 1/2 or 1/3?"),
    ("Student A", "student", "A half."),
    ("Teacher", "teacher", "How do you know?"),
    ("Student A", "student", "Because the pieces are bigger."),
]
SPOKEN = [
    ("Ms. Rivera", "Which is more, 1/2 or 1/3?"),
    ("Maya", "A half."),
    ("Ms. Rivera", "How do you know?"),
    ("Maya", "Because the pieces are bigger."),
]


def test_captions_with_voices(write: Write) -> None:
    cues = "".join(
        f"00:00:{n * 5:02}.000 --> 00:00:{n * 5 + 3:02}.500\n<v {who}>{text}</v>\n\n"
        for n, (who, text) in enumerate(SPOKEN)
    )
    read = read_transcript(write("a.vtt", f"WEBVTT\n\nNOTE made by hand\n\n{cues}"))
    assert lines(read) == TALK
    assert times(read)[1] == (5000, 8500)


def test_captions_with_names_before_colons_and_sentences_over_cues(write: Write) -> None:
    read = read_transcript(
        write(
            "a.srt",
            "1\n00:00:01,000 --> 00:00:03,000\nMs. Rivera: Which is more,\n\n"
            "2\n00:00:03,100 --> 00:00:05,000\nMs. Rivera: 1/2 or 1/3?\n\n"
            "3\n00:00:06,000 --> 00:00:07,000\nStudent 1: A half.\n\n"
            "4\n00:00:07,500 --> 00:00:08,000\nStudent 2: A half.\n\n"
            "5\n00:00:08,500 --> 00:00:09,000\nRemember: the pieces.\n\n",
        )
    )
    assert lines(read) == [
        TALK[0],
        ("Student 1", "student", "A half."),
        ("Student 2", "student", "A half."),  # said twice is no repeated caption
        ("Student 2", "student", "Remember: the pieces."),
    ]
    assert times(read)[0] == (1000, 5000)


PLAIN = {
    "a colon": "\n".join(f"{who}: {text}" for who, text in SPOKEN),
    "bold names": "\n\n".join(f"**{who}:** {text}" for who, text in SPOKEN),
    "over several lines": (
        "Ms. Rivera: Which is more,\n1/2 or 1/3?\nMaya: A half.\n\nMs. Rivera: How do you know?\nMaya:\nBecause the pieces\n"
        "are bigger."
    ),
    "numbers before": "\n".join(f"{n}. {who}: {text}" for n, (who, text) in enumerate(SPOKEN, 1)),
    "a head of things about it": "Date: 3 May 2026\nGrade: 5\n\n"
    + "\n".join(f"{who}: {text}" for who, text in SPOKEN),
    "role in brackets": "\n".join(
        f"{who} ({'teacher' if 'Ms' in who else 'student'}): {text}" for who, text in SPOKEN
    ),
}


@pytest.mark.parametrize("how", PLAIN)
def test_plain_text(how: str, write: Write) -> None:
    assert lines(read_transcript(write("a.txt", PLAIN[how]))) == TALK


TIMED = {
    "before": "\n".join(f"[00:00:{n * 7:02}] {who}: {text}" for n, (who, text) in enumerate(SPOKEN)),
    "behind the name": "\n\n".join(f"{who}  0:{n * 7:02}\n{text}" for n, (who, text) in enumerate(SPOKEN)),
    "on a line with the name": "\n".join(
        f"{who} (00:{n * 7:02}): {text}" for n, (who, text) in enumerate(SPOKEN)
    ),
    "without brackets": "\n".join(f"00:{n * 7:02} {who}: {text}" for n, (who, text) in enumerate(SPOKEN)),
}


@pytest.mark.parametrize("how", TIMED)
def test_plain_text_with_times(how: str, write: Write) -> None:
    read = read_transcript(write("a.txt", TIMED[how]))
    assert lines(read) == TALK
    assert [start for start, _ in times(read)] == [0, 7000, 14000, 21000]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252"])
def test_any_encoding(encoding: str, write: Write) -> None:
    text = "Teacher: Où est le café, élève?\nStudent: À côté.\n" * 3
    read = read_transcript(write("a.txt", text.encode(encoding)))
    assert read[1].text == "Où est le café, élève?"


def test_a_colon_in_a_sentence_is_no_speaker(write: Write) -> None:
    read = read_transcript(
        write(
            "a.txt",
            "T: Listen\nso the rule is: add them\nS1: ok\nT: at 3:15 we stop\nS1: Answer: 5\nnote: that is odd\n",
        )
    )
    assert [row.text for row in read] == [
        "Listen so the rule is: add them",
        "ok",
        "at 3:15 we stop",
        "Answer: 5 note: that is odd",
    ]


def csv_of(head: str, rows: list[str], separator: str = ",") -> str:
    return "\n".join([head, *rows]).replace(",", separator) + "\n"


TABLES = {
    "seconds": csv_of(
        "start,end,speaker,text", [f'{n * 5},{n * 5 + 3.5},{w},"{t}"' for n, (w, t) in enumerate(SPOKEN)]
    ),
    "milliseconds": csv_of(
        "start_ms,end_ms,Speaker,Utterance",
        [f'{n * 5000},{n * 5000 + 3500},{w},"{t}"' for n, (w, t) in enumerate(SPOKEN)],
    ),
    "clock": csv_of(
        "Time,Stop,Who,What was said",
        [f'0:00:{n * 5:02},0:00:{n * 5 + 3:02}.5,{w},"{t}"' for n, (w, t) in enumerate(SPOKEN)],
    ),
    "time of day": csv_of(
        "from,to,speaker,text",
        [f'10:15:{n * 5:02} AM,10:15:{n * 5 + 3:02}.5 AM,{w},"{t}"' for n, (w, t) in enumerate(SPOKEN)],
    ),
    "no names of columns": csv_of(
        f'0:00:00,0:00:03.5,{SPOKEN[0][0]},"{SPOKEN[0][1]}"',
        [f'0:00:{n * 5:02},0:00:{n * 5 + 3:02}.5,{w},"{t}"' for n, (w, t) in enumerate(SPOKEN) if n],
    ),
}


@pytest.mark.parametrize("how", TABLES)
def test_tables_whatever_their_columns_are_called(how: str, write: Write) -> None:
    read = read_transcript(write("a.csv", TABLES[how]))
    assert lines(read) == TALK
    assert times(read) == [(n * 5000, n * 5000 + 3500) for n in range(4)]


def test_a_table_with_semicolons_and_many_columns(write: Write) -> None:
    rows = ["turn_idx;comb_idx;speaker;text;num_words"]
    rows += [f'{n};1;{who};"{text}";{len(text.split())}' for n, (who, text) in enumerate(SPOKEN)]
    assert lines(read_transcript(write("a.csv", "\n".join(rows)))) == TALK


def test_pairs_of_student_and_teacher(write: Write) -> None:
    read = read_transcript(
        write(
            "a.csv",
            "exchange_idx,student_text,teacher_text\n1,I think 4.,Why 4?\n2,Because 2 and 2.,And then?\n3,,Go on.\n",
        )
    )
    assert [(row.speaker, row.text) for row in read] == [
        ("Student", "I think 4."), ("Teacher", "Why 4?"), ("Student", "Because 2 and 2."),
        ("Teacher", "And then?"), ("Teacher", "Go on."),
    ]  # fmt: skip


def test_columns_that_a_person_chose(write: Write) -> None:
    path = write(
        "a.csv",
        "a,b,c\n" + "\n".join(f"{text},{who},x" for who, text in [("Teacher", "Why?"), ("Sam", "So.")] * 3),
    )
    read = read_transcript(path, columns={"speaker": "b", "text": "a"})
    assert lines(read)[:2] == [("Teacher", "teacher", "Why?"), ("Student A", "student", "So.")]
    with pytest.raises(UnreadableTranscript, match=r"no column “d”\. Its columns are: a, b, c"):
        read_transcript(path, columns={"speaker": "b", "text": "d"})


def workbook(tmp_path: Path, rows: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    sheet = book.create_sheet("Talk")
    for row in rows:
        sheet.append(row)
    path = tmp_path / "a.xlsx"
    book.save(path)
    return path


def test_a_workbook_with_times(tmp_path: Path) -> None:
    from datetime import time

    rows: list[list[Any]] = [
        ["Start", "Speaker", "Text"],
        *[[time(0, 0, n * 5), who, text] for n, (who, text) in enumerate(SPOKEN)],
    ]
    read = read_transcript(workbook(tmp_path, rows))
    assert lines(read) == TALK
    assert times(read)[3] == (15000, None)


def test_a_formula_is_never_worked_out(tmp_path: Path, write: Write) -> None:
    rows = [["speaker", "text"], *[[who, text] for who, text in SPOKEN], ["Maya", '=CONCATENATE("a","b")']]
    with pytest.raises(UnreadableTranscript, match=r"Row 6 holds a formula.*paste it as values"):
        read_transcript(workbook(tmp_path, rows))
    table = "speaker,text\n" + "".join(f'{who},"{text}"\n' for who, text in SPOKEN)
    with pytest.raises(UnreadableTranscript, match="Row 6 holds a formula"):
        read_transcript(write("a.csv", table + 'Maya,"=HYPERLINK(""http://x"")"\n'))
    said = read_transcript(write("b.csv", table + "Maya,= 5 and so - 3 is 2\n"))  # maths is none
    assert said[5].text == "= 5 and so - 3 is 2"


def with_values(path: Path, value: str) -> None:
    """Store a value beside each formula, the way a spreadsheet program does."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name, data in parts.items():
        if name.startswith("xl/worksheets/"):
            text = data.decode()
            at = text.find("<f>")
            if at >= 0:
                cell = text.rfind("<c ", 0, at)
                text = text[:cell] + text[cell:].replace("<c ", '<c t="str" ', 1)
                text = text.replace("</f><v></v>", f"</f><v>{value}</v>").replace(
                    "</f><v />", f"</f><v>{value}</v>"
                )
            parts[name] = text.encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def test_the_value_that_a_spreadsheet_stored_for_a_formula_is_read_and_said(tmp_path: Path) -> None:
    rows = [["speaker", "text"], *[[who, text] for who, text in SPOKEN], ["Maya", '=CONCATENATE("a","b")']]
    path = workbook(tmp_path, rows)
    with_values(path, "Yes, ab.")
    read = readers.read(path)
    assert read.said[-1].text == "Yes, ab."
    assert "1 cell held formulas" in read.notes[0]


def test_a_workbook_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path, [["speaker", "text"], *[[who, text] for who, text in SPOKEN]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", b" " * 130_000_000)
    with pytest.raises(UnreadableTranscript, match="unpacks to far more"):
        read_transcript(path)


def document(tmp_path: Path, table: bool) -> Path:
    made = Document()
    made.add_heading("Lesson 3", 1)
    if table:
        grid = made.add_table(rows=1, cols=3)
        for cell, text in zip(grid.rows[0].cells, ("Time", "Speaker", "Text"), strict=True):
            cell.text = text
        for n, (who, text) in enumerate(SPOKEN):
            for cell, words in zip(grid.add_row().cells, (f"0:{n * 5:02}", who, text), strict=True):
                cell.text = words
    else:
        for who, text in SPOKEN:
            paragraph = made.add_paragraph()
            paragraph.add_run(f"{who}: ").bold = True
            paragraph.add_run(text)
    path = tmp_path / "a.docx"
    made.save(str(path))
    return path


@pytest.mark.parametrize("table", [True, False])
def test_a_word_document(table: bool, tmp_path: Path) -> None:
    read = read_transcript(document(tmp_path, table))
    assert lines(read) == TALK
    assert read.timed == table


def told(start: str, end: str, factor: int = 1, text: str = "text") -> list[dict[str, Any]]:
    return [
        {"speaker": who, text: f" {words}", start: n * 5 * factor, end: (n * 5 + 3.5) * factor}
        for n, (who, words) in enumerate(SPOKEN)
    ]


JSONS = {
    "a list": told("start", "end"),
    "segments": {"segments": told("start", "end")},
    "milliseconds": {"id": "x", "utterances": told("start", "end", 1000)},
    "named milliseconds": told("start_ms", "end_ms", 1000),
    "deep": {"results": {"utterances": told("start_time", "end_time", text="transcript")}},
    "a speaker that is an object": [
        {**row, "speaker": {"name": row["speaker"]}} for row in told("from", "to")
    ],
}


@pytest.mark.parametrize("how", JSONS)
def test_json_as_recognisers_write_it(how: str, write: Write) -> None:
    read = read_transcript(write("a.json", json.dumps(JSONS[how])))
    assert lines(read) == TALK
    assert times(read) == [(n * 5000, n * 5000 + 3500) for n in range(4)]


def test_json_with_an_object_a_line(write: Write) -> None:
    rows = "\n".join(json.dumps({"role": who, "utterance": text}) for who, _, text in TALK)
    assert lines(read_transcript(write("a.jsonl", rows + "\n"))) == TALK


def test_words_with_times_are_kept(write: Write) -> None:
    words = [
        {"word": f" {word}", "start": n * 0.5, "end": n * 0.5 + 0.4}
        for n, word in enumerate(["So,", "Maya", "Johnson,", "why?"])
    ]
    rows = [{"speaker": "T", "start": 0, "end": 2, "words": words}]
    rows += [
        {"speaker": who, "text": "Because.", "start": 3 + n, "end": 4 + n}
        for n, who in enumerate(["Maya", "T", "Maya"])
    ]
    read = read_transcript(write("a.json", json.dumps({"segments": rows})), ["Maya Johnson"])
    assert read[1].text == "So, Student A, why?"
    assert [(word.text, word.start, word.end) for word in read[1].words] == [
        ("So,", 0, 400), ("Student A,", 500, 1400), ("why?", 1500, 1900),
    ]  # fmt: skip


BAD: dict[str, tuple[str, str | bytes, str]] = {
    "no speakers": ("a.txt", "this is\na text\nof some\nlines\n", "No speakers were found"),
    "no speakers in a table": ("a.csv", "number,text\n" + "1,these are words\n" * 6, "No speakers were found"),
    "no speakers in JSON": ("a.json", json.dumps([{"text": "Why is that?"}] * 6), "No speakers were found"),
    "captions without voices": (
        "a.vtt",
        "WEBVTT\n\n" + "".join(f"00:0{n}:00.000 --> 00:0{n}:02.000\nwords {n}\n\n" for n in range(6)),
        "No speakers were found",
    ),
    "one speaker": ("a.txt", "Teacher: Why?\n" * 8, "Only one speaker"),
    "20,000 lines": ("a.txt", "Teacher: Why?\nS: So.\n" * 10_000, "20,000 lines, and one lesson has at most 6,000"),
    "two lines": ("a.txt", "Teacher: Why?\nS: So.\n", "has 2 lines"),
    "nothing": ("a.txt", "", "empty"),
    "only spaces": ("a.csv", " \n\n", "empty"),
    "binary": ("a.txt", bytes(range(256)) * 20, "not read. What can be read: VTT"),
    "backwards": ("a.csv", "start,speaker,text\n50,T,a\n10,S,b\n20,T,c\n30,S,d\n", "run backwards at line 2: it starts at 0:10"),
    "an end before its start": (
        "a.csv",
        "start,end,speaker,text\n50,55,T,a\n60,40,S,b\n70,75,T,c\n80,85,S,d\n",
        "run backwards at line 2: it starts at 1:00 and ends at 0:40",
    ),
    "no times where they should be": ("a.csv", "start,speaker,text\n" + "soon,T,Why?\nlater,S,So.\n" * 3, ""),
    "many lessons": ("a.csv", "OBSID,speaker,text\n" + "".join(f"{n},T,Why?\n{n},S,So.\n" for n in range(9)), "9 lessons"),
    "broken JSON": ("a.json", '[{"speaker": "T", "text": ', "no valid JSON"),
    "JSON of something else": ("a.json", '{"weather": [1, 2, 3]}', "No utterances were found"),
    "a wrong ending": ("a.xlsx", "Teacher: Why?\nS: So.\n" * 4, "no kind of file that transcripts come in"),
    "a text named as a document": ("a.docx", "Teacher: Why?\nS: So.\n" * 4, "is not a Word file"),
    "a PDF": ("a.pdf", b"%PDF-1.4 " + b"x" * 99, "no kind of file that transcripts come in"),
    "captions without words": ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\n\n", "No captions"),
    "half a zip": ("a.xlsx", b"PK\x03\x04" + b"x" * 500, "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_answered_in_words(what: str, write: Write) -> None:
    name, data, words = BAD[what]
    path = write(name, data)
    if not words:
        assert not read_transcript(path).timed  # a column without times is not taken for one
        return
    with pytest.raises(UnreadableTranscript) as refusal:
        read_transcript(path)
    assert words in str(refusal.value)


def test_a_recording_without_speech_says_so(tmp_path: Path) -> None:
    pytest.importorskip("av")
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(bytes(2 * 16_000 * 2))
    path = tmp_path / "a.wav"
    path.write_bytes(out.getvalue())
    with pytest.raises(UnreadableTranscript, match="No speech was recognised"):
        read_transcript(path)


def test_who_speaks_in_a_recording_is_a_guess_by_pauses_and_questions() -> None:
    heard = [
        Said("", "Let us look at this.", 0, 2000), Said("", "Which one is more?", 2100, 3000), Said("", "A half.", 5000, 5600),
        Said("", "How do you know?", 7000, 8000), Said("", "Because they are bigger pieces.", 9500, 11_000),
        Said("", "Good.", 13_000, 13_400),
    ]  # fmt: skip
    assert [row.speaker for row in guessed(heard)] == [
        "Teacher",
        "Teacher",
        "Student",
        "Teacher",
        "Student",
        "Teacher",
    ]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("62", 62), ("1:02", 62), ("00:01:02", 62), ("00:01:02,500", 62.5), ("[0:01:02.5]", 62.5), ("62.5 s", 62.5),
        ("1m 2s", 62),
        ("500 ms", 0.5), ("10:15:00 PM", 80_100), ("soon", None), ("", None), ("-3", None), ("3/4", None),
    ],
)  # fmt: skip
def test_times_as_people_write_them(written: str, seconds: float | None) -> None:
    assert clock(written) == seconds
