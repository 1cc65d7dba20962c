"""A student's own words, brought into a shape in which a teacher can take them up.

What is quoted stays verbatim. What is said again changes only who is meant (I becomes you), and only where the result is
surely a sentence.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from coach.words import EVERYDAY, NUMBERS, SUBJECT, Piece, content_words, plain, sentences, words

FEWEST, MOST = 3, 16  # words of an idea
_LISTS = tomllib.loads((Path(__file__).parent / "data" / "student_words.toml").read_text())
_FILLERS = re.compile(rf"^(?:{_LISTS['fillers'].strip().replace(chr(10), '|')}(?:[,.!?]| -+)* +)+")
_PARTS = re.compile(
    r",? (?:because|'?cause|'?cuz|and then|but then|so then|so that|but|so|then|which"
    r"|and(?= (?:i|you|it|the|we|they|there|that|each|then|he|she)\b))\b |[,;:] |[.?!]+ |\s[-–—]+\s|[-–—]{2,}|…|\.\.\."
)
_TRAILING = re.compile(
    r"(?:,? (?:though|right|you know|or something|and stuff|and everything|so|too|I guess|like that))+$"
)
_BROKEN = re.compile(
    r"[-–—]\s*$|\.\.\.|…|[\[\]()\"“”]|\b(\w+),? \1\b|\b(?:um|uh|er|i mean)\b|\bstudent [a-z]{1,2}\b"
    r"|(?:\w+, ){3,}"
)
_DANGLING = tuple(f" {word}" for word in _LISTS["dangling"].split())
_DID = f"(?:{'|'.join(_LISTS['did'].split())})"
_VERB = f"(?:{'|'.join(_LISTS['verbs'].split())}|{_DID})"
_OPENERS = f"(?:{'|'.join(_LISTS['openers'].split())}|\\d[\\d.,/]*)"
_CLAIM = re.compile(
    rf"^(?!you're\b|that(?:'s| is| was)\b|this is\b)(?:{_OPENERS}\b.*\b{_VERB}\b|(?:it|that|there|they|you)'(?:s|re|ll|d)\b)",
    re.DOTALL,
)
_INVERTED = re.compile(
    r"(?:^|, )(?:is|are|does|do|did|can|could|would|will|was|were|isn'?t|aren'?t|what|why|how|which|who)\b"
)
_MY_DOING = re.compile(rf"^(?:i|we) (?:just |also |first |then |only )?{_DID}\b")
_GIVEN = (
    r"^(?:it'?s|it is|is it|i got|i have|that'?s|we got|to|the answer is|answer is)\s+"  # before an answer
)
_TURNED: dict[str, str] = _LISTS["turned"]


@dataclass(frozen=True)
class Words:
    """What a pattern can be filled with; "" where the student's words do not give it.

    `idea` is verbatim, quoted in a sentence; `claim` is a clause that can follow “that”; `did` follows “So”;
    `answer` is a short answer, `term` a subject word of theirs.
    """

    idea: str = ""
    claim: str = ""
    did: str = ""
    answer: str = ""
    term: str = ""

    def filled(self) -> dict[str, str]:
        return {name: text for name, text in vars(self).items() if text}


def student_words(text: str) -> Words:
    """What a teacher could take up of a student's utterance."""
    idea = _idea(text)
    return Words(
        idea=idea,
        claim=_claim(text),
        did=_did(text),
        answer=_answer(text),
        term=_term(idea or text),
    )


def _idea(text: str) -> str:
    """The clause that carries most of the matter, verbatim."""
    found = [
        piece
        for piece in _clauses(text)
        if FEWEST <= len(piece.text.split()) <= MOST and _telling(piece.text)
    ]
    if not found:
        return ""
    idea = max(found, key=lambda piece: (_weight(piece.text), -piece.start)).text
    return f"{idea}?" if f"{idea}?" in text else idea


def _telling(text: str) -> bool:
    """Whether a clause can stand for an idea: it has a verb, or two words of matter."""
    verb = re.search(rf"\b{_VERB}\b|'(?:s|re)\b", plain(text)) is not None
    return _sound(text) and (verb or len(content_words(text)) > 1)


def _claim(text: str) -> str:
    """A statement that reads well after “that”, as it stands, with a small first letter."""
    stated = " ".join(piece.text for piece in sentences(text) if not piece.text.rstrip('"”').endswith("?"))
    for piece in sorted(_clauses(stated), key=lambda piece: (-_weight(piece.text), piece.start)):
        low = plain(piece.text)
        long_enough = FEWEST <= len(low.split()) <= MOST and _sound(piece.text)
        fits = long_enough and _CLAIM.match(low) is not None and not _INVERTED.search(low) and _whole(low)
        if (
            fits
            and not re.search(r"\b(?:i|my|me|we|our|i'm|i'd|i've|he|she|his|her)\b", low)
            and not low.endswith("?")
        ):
            return _small(piece.text)
    return ""


def _whole(low: str) -> bool:
    """Whether a statement has its verb before its reason, and a condition its consequence."""
    stated = re.split(r",? (?:because|'cause|cause|since|so)\b", low)[0]
    if re.match(r"(?:if|when)\b", low):
        return bool(re.search(r", |\bthen\b", low)) and len(low.split()) >= 6
    return bool(re.search(rf"\b{_VERB}\b|'(?:s|re|ll|d)\b", stated))


def _did(text: str) -> str:
    """What the student did, said to them: “you added the tops”."""
    for piece in _clauses(text):
        low = plain(piece.text)
        if not (_MY_DOING.match(low) and FEWEST <= len(low.split()) <= MOST and _sound(piece.text)):
            continue
        if re.search(r"\b(?:you|your|he|she)\b", low) or len(content_words(low)) < 2:
            continue
        turned = [_TURNED.get(plain(word), word) for word in piece.text.split()]
        return " ".join(turned).replace("you was", "you were")
    return ""


def _answer(text: str) -> str:
    """A bare answer of at most four words, with a number or a word of the subject in it."""
    low = plain(text)
    start = _FILLERS.match(low + " ")
    bare = text[min(start.end(), len(text)) if start else 0 :].strip(" .,!?")
    bare = re.sub(_GIVEN, "", bare, flags=re.IGNORECASE)
    some = 1 <= len(bare.split()) <= 4 and _sound(bare) and not re.search(rf"\b{_VERB}\b", plain(bare))
    return _small(bare) if some and (_subject(bare) or any(char.isdigit() for char in bare)) else ""


def _term(text: str) -> str:
    said = [word for word in words(text) if word in SUBJECT - EVERYDAY and len(word) > 3]
    return max(said, key=lambda word: (len(word), word)) if said else ""


def _clauses(text: str) -> Iterator[Piece]:
    """Whole sentences first, then their parts; without what people say before they begin."""
    for sentence in sentences(text):
        yield from _begun(sentence)
        cuts = [0, *(match.end() for match in _PARTS.finditer(plain(sentence.text)))]
        ends = [*(match.start() for match in _PARTS.finditer(plain(sentence.text))), len(sentence.text)]
        if len(cuts) > 1:
            for start, end in zip(cuts, ends, strict=True):
                yield from _begun(Piece(sentence.text[start:end], sentence.start + start))


def _begun(piece: Piece) -> Iterator[Piece]:
    filler = _FILLERS.match(plain(piece.text))
    start = filler.end() if filler else 0
    text = _TRAILING.sub("", piece.text[start:].strip().rstrip(".,!?;: "))
    if text:
        yield Piece(text, piece.start + start)


def _sound(text: str) -> bool:
    """Whether it was said without a break or a repeat, and holds something."""
    low = plain(text)
    return (
        bool(content_words(text))
        and not _BROKEN.search(low)
        and not low.endswith(
            (
                " the",
                " a",
                " to",
                " of",
                " and",
                " is",
                " because",
                " so",
                " like",
                " but",
                " or",
                " with",
                " it's",
                " that",
            )
        )
    )


def _subject(text: str) -> int:
    return sum(1 for word in words(text) if word in SUBJECT or word in NUMBERS)


def _weight(text: str) -> float:
    """How much a clause says: its matter, the subject's words double; and it is better short than long."""
    length = len(text.split())
    verb = 1.0 if re.search(rf"\b{_VERB}\b", plain(text)) else 0.0
    return len(set(content_words(text))) + _subject(text) + verb - max(0, length - 12) * 0.5


def _small(text: str) -> str:
    """With a small first letter, unless it stands for something: x, N, GCF, Student A."""
    first = text.split()[0] if text.split() else ""
    kept = (
        (len(first) == 1 and first not in ("A", "I")) or first[1:] != first[1:].lower() or first == "Student"
    )
    return text if kept else text[:1].lower() + text[1:]
