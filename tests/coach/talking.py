"""Lessons made of templates, whose moves are known: what ratings and calibration are tried on."""

from __future__ import annotations

import random

from coach.inventory import Inventory, Move
from coach.talk import Transcript, Utterance, Voice

# Exchanges of two lines: (teacher's words, move), (student's words, move). "" where the line makes no move.
OPENING = (
    (("Why does that work, {a}? How do you know?", "press_reasoning"),
     ("Because {n} goes into {m} twice, so the pieces must be half as long.", "student_reasoning")),
    (("What makes you think that it is more than {n}?", "press_reasoning"),
     ("I think so because when I drew it the bar of {m} stuck out on the right.", "student_reasoning")),
    (("Who can say why {n} and {m} cannot both be right?", "press_reasoning"),
     ("They cannot, because the whole is the same and the parts are not.", "student_reasoning")),
)  # fmt: skip
LEADING = (
    (("So {n} plus {m} is? It begins with a t, does it not?", "funnelling_question"), ("Ten.", "student_claim")),
    (("And then we write the {n} where?", "funnelling_question"), ("Under the {m}.", "student_claim")),
    (("Take the {n}, now add the {m}, and you get what?", "funnelling_question"), ("Twelve.", "student_claim")),
)  # fmt: skip
PLAIN = (
    (("Turn to page {n} and copy the table into your books.", "directing"), ("Is it the one with {m} rows?", "student_question")),
    (("The next one has {n} rows, write it down as it stands.", "directing"), ("I have written it down, all {m}.", "")),
)  # fmt: skip


def lesson(seed: int, openness: float, exchanges: int = 24, seconds: int = 20) -> Inventory:
    """A lesson in which a share of about `openness` of the exchanges that are questions open up; each lasts `seconds` twice."""
    dice = random.Random(seed)
    lines: list[Utterance] = []
    moves: list[Move] = []
    for _ in range(exchanges):
        pool = PLAIN if dice.random() < 0.4 else OPENING if dice.random() < openness else LEADING
        values = {"a": "Student A", "n": dice.randint(2, 9), "m": dice.randint(10, 40)}
        said = zip((Voice.TEACHER, Voice.STUDENT), dice.choice(pool), strict=True)
        for voice, (words, move) in said:
            at = len(lines) * seconds * 1000
            text = words.format(**values)
            speaker = "Teacher" if voice is Voice.TEACHER else f"Student {dice.choice('ABC')}"
            lines.append(Utterance(len(lines) + 1, speaker, voice, text, at, at + (seconds - 2) * 1000))
            if move:
                moves.append(Move(len(lines), move, text, 1.0))
    return Inventory(Transcript(tuple(lines)), tuple(moves))


def openness_of(inventory: Inventory) -> float:
    """What people see in such a lesson: how many of its questions press for reasoning."""
    opening, leading = (
        len(inventory.by_name.get(name, [])) for name in ("press_reasoning", "funnelling_question")
    )
    return opening / max(opening + leading, 1)


def as_csv(transcript: Transcript) -> str:
    """The transcript as a table that Lyceum reads."""
    rows = ["speaker,text,start,end"]
    for one in transcript:
        text = one.text.replace('"', '""')
        rows.append(f'{one.speaker},"{text}",{(one.start or 0) / 1000:.1f},{(one.end or 0) / 1000:.1f}')
    return "\n".join(rows) + "\n"
