"""A teacher's questions, with and without question marks, and what kind each is.

Speech recognition writes no question marks, so that a question is also known by its opening: a question word or an
auxiliary before its subject.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from coach.cues import teacher_cues
from coach.cues.rules import DATA, expression
from coach.words import Piece, plain, sentences


class Kind(StrEnum):
    """What a question is for."""

    OPEN = "open"  # asks for thinking, or has more than one good answer
    CLOSED = "closed"  # has one short answer that is right
    PROCEDURAL = "procedural"  # about the running of the class
    RHETORICAL = "rhetorical"  # a tag, a question answered by the one who asks


@dataclass(frozen=True, slots=True)
class Question:
    """One question, verbatim, at its place in the text."""

    text: str
    start: int
    kind: Kind


_SUBJECT = (
    r"(?:i|you|we|they|he|she|it|that|this|these|those|there|the|a|an|one|your|our|my|his|her|their|anyone|anybody|someone"
    r"|somebody|everyone|everybody|who|student|all|both|either|any|each|x|y|y'all|\d+)\b"
)
_AUXILIARY = (
    r"(?:is|are|was|were|do|does|did|can|could|would|should|will|has|have|had|may|might|must|shall|isn't|aren't|wasn't|weren't"
    r"|don't|doesn't|didn't|can't|couldn't|wouldn't|shouldn't|won't|haven't|hasn't|'s|'re|'d|'ll)"
)
_LEAD = (
    r"(?:(?:so|and|but|or|now|okay|ok|alright|all right|well|yes|yeah|right|good|then|um|uh|oh|hm|hmm|exactly|great|no|because"
    r"|student [a-z]{1,2}|class|guys|everybody|everyone|like|nice|perfect|alright then)[,.!]? )*"
)
_WH = (
    rf"(?:what|how|why|where|when|which|who|whose)(?:(?:'s|'re|'d|'ll)\b"
    rf"| (?:{_AUXILIARY}|else|about|if|kind|many|much|come|so|number"
    r"|one|fraction|shape|way|operation|unit|word|not|happens|happened|makes|made|tells|comes|goes|means|equals)\b)"
)
_WHO = r"who (?:can|could|wants|has|had|thinks|knows|would|remembers|is|else|got|agrees|disagrees|sees|will|said)\b"
_ASKED = re.compile(
    rf"^{_LEAD}(?:{_WH}|{_WHO}|why\b|{_AUXILIARY} (?:not )?{_SUBJECT}"
    r"|(?:does|did|do|can|could|would|has|have) \w+ (?:\w+ ){0,3}(?:have|get|make|work|equal|mean|go)\b"
    r"|in what|on what|at what|by what|for what|to what|tell me (?:why|how|what|about|more)|explain|convince|prove)"
)
# Inside a run of words without full stops: only openings that do not also open a clause.
_INSIDE = re.compile(
    rf"(?<![\w'])(?:(?:so|and|okay|now|but|then|right|alright|yeah|yes|well|good) )(?:what|how|why|where|which|who|when)"
    rf"(?:'s|'re|'d)? (?:{_AUXILIARY} {_SUBJECT}|else|about|many|much|come|would|could|should|do|does|did|is|are)\b[^.?!]*"
    rf"|(?<![\w'])(?:what|how|why|where) (?:do|does|did|would|could|should|can) (?:you|we|they|i|he|she|it)\b[^.?!]*"
)
_LISTS = tomllib.loads((DATA / "questions.toml").read_text())
_RHETORICAL = re.compile(rf"^{expression(_LISTS['rhetorical'])}")
_PROCEDURAL = re.compile(expression(_LISTS["procedural"]))
_OPEN = re.compile(expression(_LISTS["open"]))
_TAG = re.compile(rf"(?:,|^|\s){expression(_LISTS['tags'])}\s*\?$")
_NOT_ASKED = re.compile(
    rf"^(?:(?:so|and|but|okay|ok|now|well|yes|right|exactly),? )*{expression(_LISTS['statements'])}"
)
_NAMED = re.compile(r",? ?\bstudent [a-z]{1,2}([?.!]*)$")  # a question's last words: whom it is for
_SELF = re.compile(
    r"^(?:(?:well|yes|no|right|because|it'?s|that'?s|we|they|you|the answer is|i)\b[,]? ?\w+|because|nothing|nobody|none|exactly)"
)
FEW = 24  # words by which a question's kind is told; speech recognition runs on without full stops
OPENING = ("press_reasoning", "students_relating", "turn_and_talk")


def questions(text: str) -> list[Question]:
    """The questions in a teacher's utterance, in order."""
    return list(_questions(text))


def _questions(text: str) -> Iterator[Question]:
    pieces = list(sentences(text))
    for index, piece in enumerate(pieces):
        after = pieces[index + 1] if index + 1 < len(pieces) else None
        for asked in _asked(piece):
            yield Question(asked.text, asked.start, _kind(asked, after))


def _asked(piece: Piece) -> Iterator[Piece]:
    """What of a sentence is a question: the whole of it, or where words run on, the stretches that are."""
    low = plain(piece.text)
    marked = low.rstrip("\"')] ").endswith("?")
    if marked or (_ASKED.match(low) and not _NOT_ASKED.match(low)):
        yield piece
        return
    for match in _INSIDE.finditer(low):
        yield Piece(piece.text[match.start() : match.end()], piece.start + match.start())


def _kind(asked: Piece, after: Piece | None) -> Kind:
    low = _NAMED.sub(r"\1", " ".join(plain(asked.text).split()[:FEW]))
    bare = re.sub(rf"^{_LEAD}", "", low)
    if not bare.strip(" ?.!"):
        return Kind.PROCEDURAL  # a name called
    if (len(bare.split()) <= 2 and _TAG.search(" " + bare)) or _RHETORICAL.match(bare):
        return Kind.RHETORICAL
    if _PROCEDURAL.search(low):
        return Kind.PROCEDURAL
    answered = after is not None and not after.text.endswith("?") and _SELF.match(plain(after.text))
    if answered and after is not None and re.match(r"because\b", plain(after.text)):
        return Kind.RHETORICAL
    if _OPEN.search(bare) or any(cue.move in OPENING for cue in teacher_cues(asked.text)):
        return Kind.OPEN
    if _TAG.search(bare) and not _ASKED.match(low):  # a statement with a tag
        return Kind.RHETORICAL
    return Kind.CLOSED
