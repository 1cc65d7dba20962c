"""Evidence: the lines whose deletion moves a rating most, quoted word for word or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coach import words
from coach.features import FEATURES, Stretch
from coach.talk import Transcript

if TYPE_CHECKING:
    from coach.fitting import Fitted
    from coach.instruments.reading import DimensionSpec
    from coach.inventory import Inventory

MOST = 3
WHOLE = 240  # characters of a line that are quoted whole; of a longer one, the sentence that matters
LEAST_WEIGHT = 1e-6


@dataclass(frozen=True)
class Quoted:
    """Words that stand verbatim at a line. `weight` is how much higher the rating is with the line than without it."""

    line: int
    quote: str
    weight: float


def evidence(
    transcript: Transcript,
    inventory: Inventory,
    dimension: DimensionSpec,
    stretch: Stretch,
    fitted: Fitted | None,
) -> list[Quoted]:
    """At most three lines, those that move the score most when they are left out.

    Lines in which something is done come before lines that only are long or short: nobody learns from those.
    Without a fitted model the score is what the instrument says of its features: each counts one spread, up or down.
    """
    signs = {name: float(sign) for name, sign in dimension.directions.items() if sign}
    names = fitted.bearing() if fitted else list(signs)

    def score(without: int | None) -> float:
        if fitted:
            return fitted.linear(stretch, dimension.name, without)
        return prior(signs, stretch, dimension.name, without)

    all_there = score(None)
    telling = [name for name in names if FEATURES[name].telling]
    lines = stretch.contributors(telling, dimension.name) or stretch.contributors(names, dimension.name)
    weights = {line: all_there - score(line) for line in lines}
    found: list[Quoted] = []
    said: set[str] = set()
    for line in sorted(weights, key=lambda line: (-abs(weights[line]), line)):
        quote = quoted(transcript, inventory, line, names)
        if abs(weights[line]) < LEAST_WEIGHT or len(found) == MOST:
            break
        if quote and words.plain(quote) not in said:
            said.add(words.plain(quote))
            found.append(Quoted(line, quote, round(weights[line], 4)))
    return found


def prior(signs: Mapping[str, float], stretch: Stretch, dimension: str, without: int | None = None) -> float:
    """The instrument's own expectation, in spreads: only differences of it mean anything."""
    total = 0.0
    for name, sign in signs.items():
        value = stretch.value(name, dimension, without)
        total += sign * (value if value is not None else 0.0) / FEATURES[name].spread
    return total


def quoted(transcript: Transcript, inventory: Inventory, line: int, names: list[str]) -> str:
    """What is quoted of a line: all of it, or of a long one the sentence in which one of these moves is made."""
    text = transcript[line].text
    if len(text.strip()) <= WHOLE:
        return text.strip()
    moves = [move for move in inventory.at.get(line, ()) if move.name in names and move.quote in text]
    if moves:
        start = text.index(max(moves, key=lambda move: move.certainty).quote)
    else:
        start = max(words.sentences(text), key=lambda piece: len(piece.text)).start
    return words.around(text, start, start + 1)
