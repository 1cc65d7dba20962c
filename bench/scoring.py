"""How long the scoring of a full lesson takes, and how often the novelty gate is wrong on planted cases.

The planted cases are those of the tests. With LYCEUM_COACH_DATA (a folder with focusing.csv: student_text, teacher_text,
follow_up_unfiltered_majority) the same moves are also planted into real exchanges in which people saw neither a focusing
nor a funnelling reply.
"""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bench.figures import Figure

CASES = Path(__file__).parents[1] / "tests" / "data" / "coach_gate.jsonl"
TURNS = 700
MINUTES = 60
SECONDS = 60.0
LEAK, FALSE_BLOCK = 0.05, 0.10
LOOKED_AT = (
    "press_reasoning",
    "students_relating",
    "turn_and_talk",
    "revoicing",
    "wait_time",
    "connecting_representations",
)


def figures() -> Iterable[Figure]:
    """The speed, then the gate."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    yield Figure("scoring 700 turns of 60 minutes", _speed(), "s", at_most=SECONDS)
    cases = [json.loads(row) for row in CASES.read_text().splitlines()]
    yield from _planted(cases, "planted cases")
    folder = os.environ.get("LYCEUM_COACH_DATA")
    if folder:
        yield from _wild(cases, Path(folder) / "focusing.csv")


def _speed() -> float:
    from coach.instruments import built_in
    from coach.scoring import score

    lesson = _long_lesson()
    started = time.perf_counter()
    score(lesson, built_in())
    return time.perf_counter() - started


def _long_lesson() -> Any:
    """The demo's longest lesson, said on until there are 700 turns, an hour long."""
    from coach.demo.lesson import LESSONS, read_lesson
    from coach.talk import Transcript, Utterance, Voice

    source = max(
        (read_lesson(path) for path in sorted(LESSONS.glob("*.lesson"))), key=lambda one: len(one.said)
    )
    said = source.said * (TURNS // len(source.said) + 1)
    step = MINUTES * 60_000 // TURNS
    rows = []
    for line, one in enumerate(said[:TURNS], 1):
        teacher = one.speaker == source.teacher
        voice = Voice.TEACHER if teacher else Voice.STUDENT
        label = (
            "Teacher"
            if teacher
            else f"Student {chr(65 + source.students.index(one.speaker) % 26)}"
            if one.speaker in source.students
            else "Students"
        )
        rows.append(Utterance(line, label, voice, one.text, line * step, line * step + step // 2))
    return Transcript(tuple(rows))


def _planted(cases: list[dict[str, Any]], name: str) -> Iterator[Figure]:
    leaks = sum(_open(case, case["with"], case["move"]) for case in cases)
    blocked = sum(not _open(case, case["without"], case["move"]) for case in cases)
    yield Figure(f"gate: {name}", len(cases), "cases")
    yield Figure(f"gate: leak, {name}", leaks / len(cases), at_most=LEAK)
    yield Figure(f"gate: false block, {name}", blocked / len(cases), at_most=FALSE_BLOCK)


def _wild(cases: list[dict[str, Any]], path: Path) -> Iterator[Figure]:
    """Real exchanges: what people labelled as neither is a reply without the move, and the planted words replace it."""
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["follow_up_unfiltered_majority"] in ("0.0", "0")]
    hosts = [row for row in rows if len(row["student_text"].split()) >= 4]
    made = [
        {
            "move": case["move"],
            "before": [],
            "student": ["Student A", hosts[index % len(hosts)]["student_text"]],
            "without": hosts[index % len(hosts)]["teacher_text"],
            "with": case["with"],
            "after": [["Student B", "Okay."], ["Teacher", "Now the next one, please."]],
        }
        for index, case in enumerate(cases * 3)
    ]
    yield from _planted(made, "real exchanges")
    for move in LOOKED_AT:
        done = sum(
            not _open(
                {"before": [], "student": ["Student A", row["student_text"]], "after": []},
                row["teacher_text"],
                move,
            )
            for row in rows
        )
        yield Figure(f"gate: {move} seen in replies labelled neither", done / len(rows))


def _open(case: dict[str, Any], reply: str, move: str) -> bool:
    from coach.inventory import inventory
    from coach.novelty import gate
    from coach.talk import Transcript, Utterance, Voice

    said = [*case["before"], case["student"], ["Teacher", reply], *case["after"]]
    lines = [
        Utterance(line, speaker, Voice.TEACHER if speaker == "Teacher" else Voice.STUDENT, text)
        for line, (speaker, text) in enumerate(said, 1)
    ]
    return gate(inventory(Transcript(tuple(lines))), len(case["before"]) + 1, move).open
