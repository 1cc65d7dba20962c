"""The novelty gate: what a lesson already contains is not suggested to its teacher.

Published zero-shot suggestions were already done in 82 % of cases. Each suggestion is therefore a move at a line, and is
looked up in the lesson's inventory: done where it is meant to be done, done often elsewhere, or new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from coach.inventory import Inventory, Move
from coach.replies import SURE, answer, does, focuses, moves_of

OFTEN = 2  # times elsewhere in the lesson, from which on a suggestion says where, and asks for more of it
NAMED = 3  # lines that are named
# Moves that do the same at the same place, so that one of them leaves no room for the other.
SAME: dict[str, tuple[str, ...]] = {
    "press_reasoning": ("press_reasoning", "error_probing", "focusing_question"),
    "error_probing": ("error_probing", "press_reasoning"),
    # Whatever leaves the thinking with students is a focusing question.
    "focusing_question": (
        "focusing_question", "press_reasoning", "students_relating", "error_probing", "connecting_representations",
        "turn_and_talk",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Gate:
    """What was found: `verdict` is "new", "extend" (done elsewhere, could be done here too) or "done" (done here)."""

    verdict: str
    why: str
    lines: tuple[int, ...] = ()

    @property
    def open(self) -> bool:
        """Whether the suggestion may be made."""
        return self.verdict != "done"

    def as_json(self) -> dict[str, Any]:
        return {"verdict": self.verdict, "why": self.why, "lines": list(self.lines)}


def gate(inventory: Inventory, line: int, move: str) -> Gate:
    """Whether a teacher's move, meant as an answer to a student's line, is new there."""
    here = answer(inventory, line)
    done = [at for at in here if _does(inventory, at, move)]
    if done:
        return Gate("done", f"Already done at {_named(done)}.", tuple(done))
    elsewhere = [
        one for one in inventory.by_name.get(move, ()) if one.line not in here and one.certainty >= SURE
    ]
    if len(elsewhere) >= OFTEN:
        best = sorted(one.line for one in sorted(elsewhere, key=_surest)[:NAMED])
        return Gate("extend", f"You did this at {_named(best)}; extend it at {line}.", tuple(best))
    if elsewhere:
        at = elsewhere[0].line
        return Gate("new", f"Not done here, and only once in this lesson (line {at}).", (at,))
    return Gate("new", "Not done here, and nowhere else in this lesson.")


def _does(inventory: Inventory, line: int, move: str) -> bool:
    """Whether the teacher makes the move, or one that does the same, at a line."""
    same = SAME.get(move, (move,))
    if does(inventory, line, same) or ("focusing_question" in same and focuses(inventory, line)):
        return True
    # An inventory knows the probing of an error only where it knows the error; the words count in any case.
    return move == "error_probing" and move in moves_of(inventory.transcript[line].text)


def _surest(move: Move) -> tuple[float, int]:
    return -move.certainty, move.line


def _named(lines: list[int]) -> str:
    if len(lines) == 1:
        return f"line {lines[0]}"
    return f"lines {', '.join(map(str, lines[:-1]))} and {lines[-1]}"
