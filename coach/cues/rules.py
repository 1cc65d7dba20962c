"""What a rule is, and how rules are read from `coach/data/*_cues.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).parents[1] / "data"
NOTHING: Mapping[str, str] = {}
BEFORE, AFTER = 40, 60  # characters around a match in which an exception may begin and end


@dataclass(frozen=True)
class Rule:
    """`pattern` makes the move, unless `unless` matches where it overlaps."""

    move: str
    certainty: float
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None = None

    def find(self, text: str) -> tuple[int, int] | None:
        """Where the first use stands that is not excepted. `text` is plain (`coach.words.plain`)."""
        for match in self.pattern.finditer(text):
            if not self._excepted(text, match.start(), match.end()):
                return match.span()
        return None

    def _excepted(self, text: str, start: int, end: int) -> bool:
        if self.unless is None:
            return False
        # From some words before the match, so that an exception that begins earlier is seen whole.
        found = self.unless.finditer(text, max(0, start - BEFORE), end + AFTER)
        return any(exception.start() <= end and exception.end() > start for exception in found)


@cache
def rules(name: str) -> tuple[Rule, ...]:
    """The rules of "teacher" or "student". Every line of `words` and `unless` is one alternative, a regular expression
    that begins where a word begins; {PIECE} stands for a piece of the file."""
    data = tomllib.loads((DATA / f"{name}_cues.toml").read_text())
    pieces: dict[str, str] = {}
    for piece, text in data["pieces"].items():
        pieces[piece] = expression(text, pieces)
    return tuple(
        Rule(
            row["move"],
            row["certainty"],
            re.compile(expression(row["words"], pieces)),
            re.compile(expression(row["unless"], pieces)) if "unless" in row else None,
        )
        for row in data["rules"]
    )


def expression(lines: str, pieces: Mapping[str, str] = NOTHING) -> str:
    """One expression of all lines, each an alternative that begins where a word begins; a single line stands as it is.
    {PIECE} stands for one of the pieces."""
    for name, text in pieces.items():
        lines = lines.replace(f"{{{name}}}", text)
    rows = [line for line in lines.splitlines() if line.strip()]
    if len(rows) == 1 and not lines.startswith("\n"):
        return rows[0]
    return r"(?<![\w'])(?:" + "|".join(rows) + ")"
