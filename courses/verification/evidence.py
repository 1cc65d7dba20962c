"""What speaks for and against a claim in a window of a passage: the features that the verdict rests on."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from courses.verification.tables import NEGATORS, QUANTIFIER_OF
from courses.verification.words import Word, relation, words

MATCHED = 0.55  # from here on a claim's word counts as found
WEIGHT = {"name": 1.4, "number": 1.4, "code": 1.2, "symbol": 0.6, "word": 1.0}

# A claim's parts that have to be supported each on its own.
PARTS = re.compile(
    r"(?:;|:|,?\s+(?:whereas|while|but|although|though|because|which|so that|since)\s|,\s+(?:and|or|so|with|where|who)\s"
    r"|,\s+|\s+and\s+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Window:
    """One to three neighbouring sentences of a passage, offsets in the passage's text."""

    passage: int
    start: int
    end: int
    text: str
    sentences: tuple[int, ...]  # indices into the evidence's sentences


@dataclass(frozen=True, slots=True)
class Match:
    """How a claim's content word is met in a window: strength 0..1, the window's word, opposites on the way."""

    strength: float
    at: int  # index into the window's words, -1 for none
    opposite: int = -1  # index of a word that says the opposite
    sibling: int = -1  # index of another thing of the same kind
    literal: float = 0.0  # strength without vectors


def parts(claim: str) -> list[str]:
    """The clauses of a claim that say something of their own; the claim itself when it is one."""
    pieces: list[str] = []
    start = 0
    for found in PARTS.finditer(claim):
        left, right = claim[start : found.start()], claim[found.end() :]
        if _weight(left) >= 2 and _weight(right) >= 2:
            pieces.append(left)
            start = found.end()
    pieces.append(claim[start:])
    return pieces if len(pieces) > 1 else [claim]


def _weight(text: str) -> int:
    return sum(1 for word in words(text) if word.content)


def align(claim: Sequence[Word], window: Sequence[Word]) -> list[Match | None]:
    """For each word of the claim its match in the window, None for words that carry no content."""
    mine = {word.key for word in claim}
    places: dict[str, list[int]] = {}
    for i, word in enumerate(window):
        places.setdefault(word.key, []).append(i)
        if "." in word.key and word.kind == "code":
            for piece in word.key.split("."):
                places.setdefault(piece, []).append(i)
    matches: list[Match | None] = []
    last = -1
    for word in claim:
        if not word.content:
            matches.append(None)
            continue
        exact = places.get(word.key)
        if exact:
            at = min(exact, key=lambda i: (i < last, abs(i - last)))
            last = at
            matches.append(Match(1.0, at, literal=1.0))
            continue
        best, at, opposite, sibling = 0.0, -1, -1, -1
        if word.kind in ("word", "name", "code"):
            for i, other in enumerate(window):
                if not other.content or other.kind not in ("word", "name", "code"):
                    if other.lower in FUNCTION and relation(word.lower, other.lower).opposite:
                        opposite = i
                    continue
                found = relation(word.lower, other.lower)
                if found.opposite and other.key not in mine:
                    opposite = i
                elif found.sibling and other.key not in mine:
                    sibling = i
                strength = found.strength * (0.8 if word.kind == "name" else 1.0)
                if strength > best:
                    best, at = strength, i
        elif word.kind == "number":
            sibling = next(
                (i for i, other in enumerate(window) if other.kind == "number" and other.key not in mine), -1
            )
        if at >= 0 and best >= MATCHED:
            last = at
        matches.append(Match(best, at, opposite, sibling, best if best in DICTIONARY else 0.0))
    return matches


DICTIONARY = (0.9, 0.8, 0.65)
FUNCTION = frozenset(
    [
        "before",
        "after",
        "more",
        "less",
        "most",
        "least",
        "first",
        "last",
        "above",
        "below",
        "inside",
        "outside",
        "same",
        "different",
        "up",
        "down",
    ]
)

# Every feature, and whether more of it can only speak for a claim (1), only against it (-1), or either way (0).
FEATURES = {
    "cos_window": 1,
    "cos_sentence": 1,
    "cos_part_min": 1,
    "exact": 1,
    "covered": 1,
    "covered_min": 0,
    "part_min": 1,
    "part_mean": 1,
    "missing": -1,
    "missing_share": -1,
    "names_missing": -1,
    "numbers_missing": -1,
    "codes_missing": -1,
    "symbols_missing": -1,
    "missing_anywhere": -1,
    "names_anywhere": -1,
    "numbers_anywhere": -1,
    "opposites": -1,
    "opposites_clause": -1,
    "negation": -1,
    "negators": 0,
    "negators_extra": -1,
    "all_added": -1,
    "only_added": -1,
    "must_added": -1,
    "none_added": -1,
    "some_added": 0,
    "some_dropped": 0,
    "most_dropped": -1,
    "only_dropped": 0,
    "must_dropped": 0,
    "pair_near": 1,
    "pair_far": 1,
    "inverted": -1,
    "number_far": 1,
    "run": 1,
    "subsequence": 1,
    "reverse": 0,
    "length": 0,
    "parts": 0,
    "subject": 1,
    "subject_first": 0,
    "word_min": 0,
    "soft": 0,
    "clause_best": 1,
    "clause_gap": 0,
    "crossed": -1,
    "literal": 1,
    "siblings": -1,
    "siblings_clause": -1,
    "tail": 1,
}
NAMES = list(FEATURES)


def features(
    claim: Sequence[Word],
    window: Sequence[Word],
    elsewhere: frozenset[str],
    cosines: tuple[float, float, float],
) -> list[float]:
    """The vector (len(NAMES),) for one claim and one window.

    elsewhere: the keys of all words in all passages; cosines: claim and window, claim and its best sentence, the
    worst-supported part and its best sentence.
    """
    matches = align(claim, window)
    content = [(word, match) for word, match in zip(claim, matches, strict=True) if match is not None]
    total = sum(WEIGHT[word.kind] for word, _ in content) or 1.0
    exact = sum(WEIGHT[word.kind] for word, match in content if match.strength == 1.0) / total
    covered = sum(WEIGHT[word.kind] * match.strength for word, match in content) / total
    missing = [word for word, match in content if match.strength < MATCHED]
    lost = [word for word, match in content if match.strength < MATCHED and word.key not in elsewhere]
    soft = [match.strength for _, match in content if MATCHED <= match.strength < 1.0]

    by_part = _by_clause(claim, matches)
    clause_cover, clause_opposites, clause_siblings, best_single = _clauses(claim, window, matches)
    pairs = _pairs(claim, window, matches)
    negation, negators, extra = _negation(claim, window, matches)
    quantifiers = _quantifiers(claim, window)
    run, subsequence = _runs(claim, window)
    content_window = [word for word in window if word.content]
    hit = {match.at for _, match in content if match.strength >= MATCHED}
    subject = content[0][1] if content else Match(0.0, -1)
    return [
        *cosines,
        exact,
        covered,
        min((match.strength for _, match in content), default=0.0),
        min(by_part, default=0.0),
        sum(by_part) / max(1, len(by_part)),
        float(len(missing)),
        len(missing) / max(1, len(content)),
        float(sum(word.kind == "name" for word in missing)),
        float(sum(word.kind == "number" for word in missing)),
        float(sum(word.kind == "code" for word in missing)),
        float(sum(word.kind == "symbol" for word in missing)),
        float(len(lost)),
        float(sum(word.kind == "name" for word in lost)),
        float(sum(word.kind == "number" for word in lost)),
        float(sum(match.opposite >= 0 and match.strength < MATCHED for match in matches if match)),
        clause_opposites,
        negation,
        negators,
        extra,
        *quantifiers,
        *pairs,
        run,
        subsequence,
        len(hit) / max(1, len(content_window)),
        float(len(content)),
        float(len(by_part)),
        subject.strength,
        subject.at / max(1, len(window)) if subject.at >= 0 else 1.0,
        sum(1 for _, match in content if match.strength == 0.0) / max(1, len(content)),
        len(soft) / max(1, len(content)),
        clause_cover,
        covered - best_single,
        _crossed(claim, window, matches),
        sum(WEIGHT[word.kind] * match.literal for word, match in content) / total,
        float(sum(match.sibling >= 0 and match.strength < MATCHED for match in matches if match)),
        clause_siblings,
        content[-1][1].strength if content else 0.0,
    ]


def _by_clause(claim: Sequence[Word], matches: Sequence[Match | None]) -> list[float]:
    """How much of each of the claim's clauses is found."""
    sums: dict[int, list[float]] = {}
    for word, match in zip(claim, matches, strict=True):
        if match is not None:
            sums.setdefault(word.clause, []).append(match.strength)
    return [sum(values) / len(values) for values in sums.values() if len(values) > 1]


def _clauses(
    claim: Sequence[Word], window: Sequence[Word], matches: Sequence[Match | None]
) -> tuple[float, float, float, float]:
    """Each claim clause against the one window clause that meets it best.

    Returns the mean coverage over the claim's clauses, the number of opposites and of siblings met there, and the coverage of the
    whole claim by one clause alone.
    """
    if not window:
        return 0.0, 0.0, 0.0, 0.0
    of_claim: dict[int, list[Word]] = {}
    for word in claim:
        of_claim.setdefault(word.clause, []).append(word)
    of_window: dict[int, list[Word]] = {}
    for word in window:
        of_window.setdefault(word.clause, []).append(word)
    covers: list[float] = []
    opposites = siblings = 0.0
    best_single = 0.0
    for piece in of_claim.values():
        size = sum(word.content for word in piece)
        if size < 2 and len(of_claim) > 1:
            continue
        best, against, like = -1.0, 0, 0
        for candidate in of_window.values():
            found = [match for match in align(piece, candidate) if match is not None]
            cover = sum(match.strength for match in found)
            bad = sum(match.opposite >= 0 and match.strength < MATCHED for match in found)
            if cover + 0.5 * bad > best:
                best, against = cover + 0.5 * bad, bad
                like = sum(match.sibling >= 0 and match.strength < MATCHED for match in found)
        covers.append((best - 0.5 * against) / max(1, size))
        opposites += against
        siblings += like
    content = sum(word.content for word in claim)
    for candidate in of_window.values():
        held = {word.key for word in candidate}
        best_single = max(
            best_single, sum(word.content and word.key in held for word in claim) / max(1, content)
        )
    return sum(covers) / max(1, len(covers)), opposites, siblings, best_single


def _pairs(claim: Sequence[Word], window: Sequence[Word], matches: Sequence[Match | None]) -> list[float]:
    """Whether neighbours in the claim are neighbours in the window.

    Mean nearness of neighbouring content words, the worst one, the share that stand the other way round, and the
    worst nearness of a number to its neighbours. 1 is near, 0 is far or missing.
    """
    keys: dict[int, list[int]] = {}
    spots: dict[str, list[int]] = {}
    for i, word in enumerate(window):
        spots.setdefault(word.key, []).append(i)
    aligned: list[tuple[int, Word, list[int]]] = []
    for i, (word, match) in enumerate(zip(claim, matches, strict=True)):
        if match is None or match.strength < MATCHED:
            continue
        found = spots.get(word.key) or [match.at]
        keys[i] = found
        aligned.append((i, word, found))
    if len(aligned) < 2:
        return [0.0, 0.0, 0.0, 0.0]
    nears: list[float] = []
    inverted = 0
    numbers: list[float] = []
    for (i, one, left), (j, other, right) in pairwise(aligned):
        gap, order = min((abs(b - a), 0 if b > a else 1) for a in left for b in right)
        close = math.exp(-max(0, gap - (j - i)) / 5.0) if gap else 0.5
        nears.append(close)
        inverted += order
        if "number" in (one.kind, other.kind):
            numbers.append(close)
    return [sum(nears) / len(nears), min(nears), inverted / len(nears), min(numbers, default=1.0)]


def _crossed(claim: Sequence[Word], window: Sequence[Word], matches: Sequence[Match | None]) -> float:
    """Share of neighbouring claim words whose window words stand in different clauses."""
    met = [
        window[match.at].clause
        for match in matches
        if match is not None and match.strength >= MATCHED and 0 <= match.at < len(window)
    ]
    if len(met) < 2:
        return 0.0
    return sum(a != b for a, b in pairwise(met)) / (len(met) - 1)


def _negation(
    claim: Sequence[Word], window: Sequence[Word], matches: Sequence[Match | None]
) -> tuple[float, float, float]:
    """Matched words that are negated on one side only; negators of the claim and of the matched clauses."""
    differs = 0
    met: set[int] = set()
    for word, match in zip(claim, matches, strict=True):
        if match is None or match.strength < MATCHED:
            continue
        other = window[match.at]
        met.add(other.clause)
        differs += word.negated != other.negated
    said = sum(_negates(word) for word in claim)
    there = sum(_negates(word) for word in window if word.clause in met)
    return float(differs), float(min(said, 2)) - float(min(there, 2)), float(said > 0 and there == 0)


def _negates(word: Word) -> bool:
    return word.lower in NEGATORS or word.lower.endswith("n't")


def _quantifiers(claim: Sequence[Word], window: Sequence[Word]) -> list[float]:
    """What the claim adds to the reach of the text (all, only, must, none, some) and what it drops."""
    said = {QUANTIFIER_OF[word.lower] for word in claim if word.lower in QUANTIFIER_OF}
    there = {QUANTIFIER_OF[word.lower] for word in window if word.lower in QUANTIFIER_OF}
    return [
        *(float(kind in said and kind not in there) for kind in ("all", "only", "must", "none", "some")),
        float("some" in there and "some" not in said),
        float("some" in there and "all" in said),
        float("only" in there and "only" not in said),
        float("must" in there and "must" not in said),
    ]


def _runs(claim: Sequence[Word], window: Sequence[Word]) -> tuple[float, float]:
    """The longest run of the claim's words found unbroken, and in order with gaps, as shares of the claim."""
    a = [word.key for word in claim]
    b = [word.key for word in window]
    if not a or not b:
        return 0.0, 0.0
    longest = 0
    run = [0] * (len(b) + 1)
    common = [0] * (len(b) + 1)
    for key in a:
        previous_run = previous_common = 0
        for j, other in enumerate(b, 1):
            kept_run, kept_common = run[j], common[j]
            if key == other:
                run[j] = previous_run + 1
                common[j] = previous_common + 1
                longest = max(longest, run[j])
            else:
                run[j] = 0
                common[j] = max(common[j], common[j - 1])
            previous_run, previous_common = kept_run, kept_common
    return longest / len(a), common[-1] / len(a)
