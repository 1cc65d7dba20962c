"""The words of a sentence as the verifier compares them: stems, numbers, negation, quantifiers, opposites."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import Stemmer
from numpy.typing import NDArray

from courses.verification.tables import (
    BREAKS,
    BRITISH,
    EQUALS,
    NEGATING,
    NEGATORS,
    OPPOSITES,
    ORDINALS,
    SCALES,
    STOPWORDS,
    UNITS,
)
from courses.wording import is_average

DATA = Path(__file__).parent.parent / "data"
NEAR = 0.5  # cosine from which two words that no dictionary joins count as near

TOKEN = re.compile(
    r"""
      (?P<number>(?<![\w.])[-−–]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?(?:st|nd|rd|th)?%?(?![\w]))
    | (?P<code>[A-Za-z_][\w.]*\(\)|__\w+__|[A-Za-z]\w*_\w+|[A-Za-z]\w*(?:\.[A-Za-z_]\w+)+|\\[A-Za-z]+|\w*\d\w*[A-Za-z]\w*)
    | (?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)
    | (?P<figure>\d[\d.,]*\d|\d)
    | (?P<symbol>\*\*|==|!=|<=|>=|//|\+=|-=|->|[=<>+*/%^#&|~@\[\]{}]|\$)
    | (?P<stop>[.;:,!?()"“”—–])
    """,
    re.VERBOSE,
)

stemmer = Stemmer.Stemmer("english")


@dataclass(frozen=True, slots=True)
class Word:
    """One token: what is compared (`key`), what it is (`kind`) and where it stands (character offsets)."""

    text: str
    key: str  # stem, canonical number, or the code itself
    kind: str  # word | number | code | symbol | name | stop
    start: int
    end: int
    content: bool
    clause: int  # counts the clauses of the text from 0
    negated: bool = False  # a negator stands before it in its clause

    @property
    def lower(self) -> str:
        return self.text.lower()


@cache
def lexicon() -> dict[str, dict[str, list[int]] | dict[str, list[str]]]:
    """The dictionary: senses of words, what they are a kind of, and opposites."""
    data: dict[str, dict[str, list[int]]] = json.loads(
        (DATA / "verifier_lexicon.json").read_text(encoding="utf-8")
    )
    return dict(data)


@cache
def _senses() -> dict[str, list[int]]:
    return lexicon()["words"]  # type: ignore[return-value]


@cache
def _opposites() -> dict[str, frozenset[str]]:
    """lemma -> its opposites, from the dictionary and the table above; both as lemmas and as stems."""
    found: dict[str, set[str]] = {}
    table: dict[str, list[str]] = lexicon()["opposites"]  # type: ignore[assignment]
    pairs = [(word, other) for word, others in table.items() for other in others]
    pairs += [(a, b) for a, b in (row.split() for row in OPPOSITES.replace("\n", "").split("|"))]
    for one, other in pairs:
        for a, b in ((one, other), (other, one)):
            found.setdefault(stem(a), set()).add(stem(b))
    return {word: frozenset(others) for word, others in found.items()}


@cache
def _equals() -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for number, row in enumerate(EQUALS.replace("\n", "").split("|")):
        for word in row.split():
            found.setdefault(stem(word), set()).add(number)
    return {word: frozenset(rows) for word, rows in found.items()}


@lru_cache(50_000)
def stem(word: str) -> str:
    """The comparable form of a word: lower case, American spelling, Porter stem."""
    word = word.lower().replace("’", "'")
    word = word.removesuffix("'s").removesuffix("s'") or word
    if len(word) > 4 and word[:-1].rstrip("s") in BRITISH:
        word = BRITISH[word[:-1].rstrip("s")] + "s"
    word = BRITISH.get(word, word)
    word = re.sub(r"is(e|ed|es|ing|ation|ations)$", r"iz\1", word) if len(word) > 6 else word
    word = re.sub(r"ys(ed|es|ing)$", r"yz\1", word)
    return str(stemmer.stemWord(word))


@lru_cache(50_000)
def lemmas(word: str) -> tuple[str, ...]:
    """The dictionary's forms of an inflected word."""
    word = word.lower()
    known = _senses()
    forms = [word]
    for ending, becomes in (
        ("ies", "y"), ("ied", "y"), ("es", "e"), ("es", ""), ("s", ""), ("ed", "e"), ("ed", ""), ("ing", "e"),
        ("ing", ""), ("er", ""), ("er", "e"), ("est", ""), ("est", "e"), ("ly", ""),
    ):  # fmt: skip
        if word.endswith(ending) and len(word) - len(ending) > 2:
            root = word[: -len(ending)] + becomes
            forms.append(root)
            if not becomes and len(root) > 3 and root[-1] == root[-2]:
                forms.append(root[:-1])
    return tuple(form for form in dict.fromkeys(forms) if form in known)


@lru_cache(50_000)
def senses(word: str) -> frozenset[int]:
    """The dictionary senses of a word in any of its forms."""
    known = _senses()
    return frozenset(sense for form in lemmas(word) for sense in known[form])


@lru_cache(50_000)
def direct_parents(word: str) -> frozenset[int]:
    """What the word\'s senses are a kind of."""
    up: dict[str, list[int]] = lexicon()["parents"]  # type: ignore[assignment]
    return frozenset(parent for sense in senses(word) for parent in up.get(str(sense), ()))


@lru_cache(50_000)
def parents(word: str) -> frozenset[int]:
    """What the word's senses are a kind of, two steps up."""
    up: dict[str, list[int]] = lexicon()["parents"]  # type: ignore[assignment]
    one = direct_parents(word)
    return one | frozenset(parent for sense in one for parent in up.get(str(sense), ()))


def number_key(text: str) -> str:
    """The canonical form of a written number: "1,000" and "1000.0" are the same."""
    ordinal = bool(re.search(r"(st|nd|rd|th)$", text))
    percent = text.endswith("%")
    plain = re.sub(r"(st|nd|rd|th)?%?$", "", text).replace(",", "").replace("−", "-").replace("–", "-")
    try:
        value = float(plain)
    except ValueError:
        return plain
    return f"{value:g}" + ("th" if ordinal else "") + ("%" if percent else "")


def words(text: str) -> list[Word]:
    """The tokens of a text, with clause numbers and the scope of negation."""
    return list(_words(text))


@lru_cache(4_096)
def _words(text: str) -> tuple[Word, ...]:
    found: list[Word] = []
    clause, negation, since = 0, False, 0
    previous = ""
    for match in TOKEN.finditer(text):
        kind, token = str(match.lastgroup), match.group()
        lower = token.lower().replace("’", "'")
        start, end = match.span()
        if kind == "stop" or lower in BREAKS:
            if token in ".;:!?" or lower in BREAKS or (token == "," and since > 3):
                clause, negation, since = clause + 1, False, 0
            if kind == "stop":
                continue
        since += 1
        negating = lower in NEGATORS or lower.endswith("n't")
        if kind == "number" or kind == "figure":
            key, kind, content = number_key(token), "number", True
        elif kind in ("code", "symbol"):
            key, content = token.removesuffix("()"), True
            if kind == "code" and "_" not in key and key.isalpha():
                key = stem(key)
        elif lower in UNITS and lower != "one" and lower not in ("double", "single", "second"):
            key, kind, content = f"{UNITS[lower]:g}", "number", True
        elif lower in SCALES and previous in UNITS and found:
            last = found.pop()
            key, kind, content, start = f"{UNITS[previous] * SCALES[lower]:g}", "number", True, last.start
        elif (
            lower in SCALES
            and found
            and found[-1].kind == "number"
            and re.fullmatch(r"-?[\d.]+", found[-1].key)
        ):
            last = found.pop()
            key, kind, content, start = f"{float(last.key) * SCALES[lower]:g}", "number", True, last.start
        elif lower in ORDINALS and lower not in ("first", "second"):
            key, kind, content = f"{ORDINALS[lower]}th", "number", True
        else:
            key = stem(token)
            content = lower not in STOPWORDS and not negating and (len(lower) > 1 or token.isupper())
            if lower == "mean":
                content = is_average(previous, next(iter(text[end : end + 12].lower().split()), ""))
            inside = bool(found) and since > 1
            if content and token[0].isupper() and (inside or any(c.isupper() for c in token[1:])):
                kind = "name"
        found.append(Word(text[start:end], key, kind, start, end, content, clause, negation))
        if negating:
            negation = True
        previous = lower
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Relation:
    """How two words stand to each other: near in meaning (0..1), opposites, or two of a kind (red and green)."""

    strength: float = 0.0
    opposite: bool = False
    sibling: bool = False


@lru_cache(200_000)
def relation(one: str, other: str) -> Relation:
    """What joins or parts two words, as written, in lower case: form, dictionary, then vectors."""
    a, b = stem(one), stem(other)
    if a == b:
        return Relation(1.0)
    if b in _opposites().get(a, ()) or _prefixed(one, other):
        return Relation(opposite=True)
    if _equals().get(a, frozenset()) & _equals().get(b, frozenset()):
        return Relation(0.9)
    mine, theirs = senses(one), senses(other)
    if mine & theirs:
        return Relation(0.9)
    if (
        len(a) > 4
        and len(b) > 4
        and (a.startswith(b[:5]) or b.startswith(a[:5]))
        and abs(len(a) - len(b)) < 5
    ):
        return Relation(0.8)
    above, over = parents(one), parents(other)
    if theirs & above or mine & over:
        return Relation(0.65)
    cosine = likeness(one, other)
    if cosine >= NEAR and direct_parents(one) & direct_parents(other):
        return Relation(sibling=True)
    return Relation(0.2 + 0.6 * cosine if cosine >= NEAR else 0.0)


@cache
def _vectors() -> tuple[dict[str, int], NDArray[np.float32]]:
    with np.load(DATA / "verifier_words.npz") as held:
        rows = held["vectors"].astype(np.float32)
        names = str(held["words"]).split("\n")
    return {word: i for i, word in enumerate(names)}, rows / np.linalg.norm(rows, axis=1, keepdims=True)


def likeness(one: str, other: str) -> float:
    """Cosine of two words' vectors, 0 where one is not in the lexicon."""
    place, rows = _vectors()
    left, right = lemmas(one), lemmas(other)
    if not left or not right:
        return 0.0
    return float(rows[place[left[-1]]] @ rows[place[right[-1]]])


def _prefixed(one: str, other: str) -> bool:
    """Whether one word is the other with a negating prefix: valid, invalid."""
    short, long = sorted((one, other), key=len)
    if len(short) < 4:
        return False
    return any(long == prefix + short or stem(long) == stem(prefix + short) for prefix in NEGATING)
