"""A lesson's inventory: every line judged once, and the moves found in it, for everybody who reads the lesson afterwards.

Moves come from three sides: the words they are made with (`coach.cues`), the classifiers (`coach.classifiers`) and what
stands around a line: what a student has just said, how the teacher answers it, how long the pause is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from coach.arithmetic import false_statement
from coach.cues import Cue, student_cues, teacher_cues
from coach.pauses import pauses
from coach.questions import Kind, questions
from coach.talk import Transcript, Utterance, Voice
from coach.words import around, content_words, count, plain, sentences

if TYPE_CHECKING:
    from coach.classifiers import Judged

STUDENTS = (Voice.STUDENT, Voice.GROUP)
FOLLOWING = (  # what only a reply to a student can be
    "revoicing", "restating", "uptake", "correcting", "error_probing",
)  # fmt: skip
SURE = 0.6  # a judgement below this makes no move
DISCOUNT = 0.75  # a classifier alone is trusted less than words that were found
PAUSE = 3_000  # milliseconds: published target of wait time
EXPLAINING_WORDS = 14
SMALL, RUN = 3, 4  # words of an answer, questions in a row that make a funnel
TENTATIVE = 4  # words of an answer that is only said with a question mark
TELLING = (
    "because", " so ", "that means", "which means", "the reason", "that's why", "in order to", "remember", "if you ",
    "when you ", "we call", "is called",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Move:
    """A move made at a line. `quote` stands verbatim in that line's text; `certainty` is between 0 and 1."""

    line: int
    name: str  # of coach.moves.MOVES
    quote: str
    certainty: float


@dataclass(frozen=True)
class Inventory:
    """What a lesson contains: `moves` by line, and each line's judgements by classifier kind."""

    transcript: Transcript
    moves: tuple[Move, ...]  # by line
    judged: Mapping[int, Mapping[str, Judged]] = field(default_factory=dict)

    @cached_property
    def at(self) -> dict[int, list[Move]]:
        """The moves of each line that has any."""
        lines: dict[int, list[Move]] = {}
        for move in self.moves:
            lines.setdefault(move.line, []).append(move)
        return lines

    @cached_property
    def by_name(self) -> dict[str, list[Move]]:
        """The moves of each name, in order."""
        names: dict[str, list[Move]] = {}
        for move in self.moves:
            names.setdefault(move.name, []).append(move)
        return names

    def has(self, line: int, *names: str, least: float = 0.0) -> bool:
        """Whether one of these moves is made at this line, at least so surely."""
        return any(move.name in names and move.certainty >= least for move in self.at.get(line, ()))

    def of(self, names: Sequence[str], first: int = 1, last: int | None = None) -> list[Move]:
        """The moves of these names from line `first` to `last`."""
        last = len(self.transcript) if last is None else last
        return [move for move in self.moves if move.name in names and first <= move.line <= last]


@dataclass(frozen=True, slots=True)
class _Heard:
    """A line with what the other side had said just before; "" if nothing."""

    utterance: Utterance
    before: str


def inventory(transcript: Transcript) -> Inventory:
    """Judge every line once. Deterministic."""
    heard = list(_heard(transcript))
    judged = _judged(heard)
    found: dict[tuple[int, str], Move] = {}
    for move in _moves(transcript, heard, judged):
        known = found.get((move.line, move.name))
        if known is None or move.certainty > known.certainty:
            found[move.line, move.name] = move
    moves = sorted(found.values(), key=lambda move: (move.line, -move.certainty, move.name))
    return Inventory(transcript, tuple(moves), judged)


def _heard(transcript: Transcript) -> Iterator[_Heard]:
    last = {Voice.TEACHER: "", Voice.STUDENT: ""}
    speaking: Voice | None = None
    for utterance in transcript:
        if utterance.voice == Voice.OTHER:
            yield _Heard(utterance, "")
            continue
        voice = Voice.TEACHER if utterance.voice == Voice.TEACHER else Voice.STUDENT
        other = Voice.STUDENT if voice == Voice.TEACHER else Voice.TEACHER
        last[voice] = utterance.text if speaking != voice else f"{last[voice]} {utterance.text}"
        speaking = voice
        yield _Heard(utterance, last[other])


def _judged(heard: Sequence[_Heard]) -> dict[int, dict[str, Judged]]:
    """What the classifiers say of each line, all lines of a kind in one batch."""
    from coach.classifiers import Pair, classify

    judged: dict[int, dict[str, Judged]] = {}
    sides = {
        "uptake": [one for one in heard if one.utterance.voice == Voice.TEACHER and one.before],
        "focusing": [one for one in heard if one.utterance.voice == Voice.TEACHER and one.before],
        "teacher_moves": [one for one in heard if one.utterance.voice == Voice.TEACHER],
        "reasoning": [one for one in heard if one.utterance.voice in STUDENTS],
        "student_moves": [one for one in heard if one.utterance.voice in STUDENTS],
    }
    for kind, rows in sides.items():
        pairs = [Pair(one.before, one.utterance.text) for one in rows]
        for one, result in zip(rows, classify(kind, pairs) if pairs else [], strict=True):
            judged.setdefault(one.utterance.line, {})[kind] = result
    return judged


def _moves(
    transcript: Transcript, heard: Sequence[_Heard], judged: Mapping[int, Mapping[str, Judged]]
) -> Iterator[Move]:
    wrong = _errors(heard)
    for one in heard:
        line = one.utterance.line
        if one.utterance.voice == Voice.TEACHER:
            yield from _teacher(one, judged.get(line, {}), _answers(transcript, line, wrong))
        elif one.utterance.voice in STUDENTS:
            yield from _student(one, judged.get(line, {}))
            if line in wrong:
                yield wrong[line]
    yield from _funnels(heard)
    for pause in pauses(transcript):
        if pause.seconds * 1000 >= PAUSE and pause.after_question:
            text = transcript[pause.line].text
            yield Move(pause.line, "wait_time", list(sentences(text))[-1].text, 0.9)


def _answers(transcript: Transcript, line: int, wrong: Mapping[int, Move]) -> bool:
    """Whether the student's words right before this line of the teacher's have an error."""
    at = line - 1
    while at >= 1 and transcript[at].voice == Voice.TEACHER:
        at -= 1
    return at in wrong


def _funnels(heard: Sequence[_Heard]) -> Iterator[Move]:
    """Runs of small questions with small answers, after which little of the thinking was the students'."""
    run: list[Move] = []
    for one, after in pairwise([*heard, None]):
        if one is None or one.utterance.voice != Voice.TEACHER:
            continue
        asked = [q for q in questions(one.utterance.text) if q.kind in (Kind.CLOSED, Kind.OPEN)]
        small = bool(asked) and asked[-1].kind == Kind.CLOSED
        if (
            small
            and after is not None
            and after.utterance.voice in STUDENTS
            and count(after.utterance.text) <= SMALL
        ):
            run.append(Move(one.utterance.line, "funnelling_question", _short(asked[-1].text), 0.7))
            continue
        if len(run) >= RUN:
            yield from run
        run = []
    if len(run) >= RUN:
        yield from run


# The teacher's lines -------------------------------------------------------------------------------------------------


def _teacher(one: _Heard, judged: Mapping[str, Judged], after_error: bool) -> Iterator[Move]:
    text, line, before = one.utterance.text, one.utterance.line, one.before
    cues = {cue.move: cue for cue in teacher_cues(text)}
    for cue in cues.values():
        if (cue.move in FOLLOWING and not before) or (cue.move == "error_probing" and not after_error):
            continue
        if cue.move in ("revoicing", "uptake") and cue.certainty < 0.8 and not _shared(text, before):
            continue
        yield Move(line, cue.move, around(text, cue.start, cue.end), cue.certainty)
    if after_error and "error_probing" not in cues:
        probing = cues.get("press_reasoning") or cues.get("students_relating")
        if probing and probing.certainty >= 0.9:
            yield Move(line, "error_probing", around(text, probing.start, probing.end), probing.certainty)
    yield from _questions(line, text, before)
    if before:
        yield from _echo(line, text, before)
    if not {"press_reasoning", "students_relating"} & set(cues):
        yield from _explaining(line, text)
    yield from _teacher_judged(line, text, judged, cues)


def _questions(line: int, text: str, before: str) -> Iterator[Move]:
    for question in questions(text):
        if question.kind == Kind.OPEN:
            yield Move(line, "open_question", _short(question.text), 0.8)
        elif question.kind == Kind.CLOSED:
            yield Move(line, "closed_question", _short(question.text), 0.8)


def _echo(line: int, text: str, before: str) -> Iterator[Move]:
    """Repeating a student's words, and building on them."""
    said, mine = content_words(before), content_words(text)
    first = next(sentences(text), None)
    if first is None or not said:
        return
    opening = content_words(first.text)
    share = len(set(said) & set(mine)) / len(set(said))
    if share >= 0.6 and set(opening) & set(said) and len(opening) <= 2 * len(said) + 3:
        yield Move(line, "restating", _short(first.text), 0.6 + 0.3 * share)
        if first.text.rstrip().endswith("?") and set(opening) <= set(
            said
        ):  # “Twelve minus ten?” hands the student’s words back
            yield Move(line, "uptake", _short(first.text), 0.65)


def _explaining(line: int, text: str) -> Iterator[Move]:
    for piece in sentences(text):
        low = plain(piece.text)
        telling = any(word in low for word in TELLING) and not low.endswith("?")
        if telling and count(piece.text) >= EXPLAINING_WORDS and not questions(piece.text):
            yield Move(line, "explaining", _short(piece.text), 0.65)
            return


def _teacher_judged(
    line: int, text: str, judged: Mapping[str, Judged], cues: Mapping[str, Cue]
) -> Iterator[Move]:
    """What the classifiers add. Each quotes the sentence that speaks most for it: the one that asks, or the first."""
    quote = _asking(text)
    focusing = judged.get("focusing")
    if focusing is not None:
        for label, name in (("focusing", "focusing_question"), ("funnelling", "funnelling_question")):
            certainty = focusing.probabilities.get(label, 0.0)
            if label == focusing.label and certainty >= 0.5 and questions(text):
                yield Move(line, name, quote, certainty)
    uptake = judged.get("uptake")
    if uptake is not None and uptake.label == "high":
        yield Move(line, "uptake", quote, uptake.probabilities.get("high", 0.0))
    moves = judged.get("teacher_moves")
    if moves is not None and moves.label != "none":
        certainty = moves.probabilities[moves.label] * DISCOUNT
        if certainty >= SURE * DISCOUNT and moves.label not in cues:
            yield Move(line, moves.label, quote, certainty)


def _asking(text: str) -> str:
    asked = [question for question in questions(text) if question.kind in (Kind.OPEN, Kind.CLOSED)]
    if asked:
        return _short(asked[0].text)
    first = next(sentences(text), None)
    return _short(first.text) if first else text


def _shared(text: str, before: str) -> bool:
    return bool(set(content_words(text)) & set(content_words(before)))


def _short(text: str) -> str:
    """A sentence, or its first words where it runs on."""
    return around(text, 0, 1)


# The students' lines -------------------------------------------------------------------------------------------------


def _student(one: _Heard, judged: Mapping[str, Judged]) -> Iterator[Move]:
    text, line = one.utterance.text, one.utterance.line
    cues = {cue.move: cue for cue in student_cues(text)}
    reasoning = judged.get("reasoning")
    chance = reasoning.probabilities.get("reasoning", 0.0) if reasoning is not None else 0.5
    for cue in cues.values():
        certainty = cue.certainty
        if cue.move == "student_reasoning":
            certainty = (cue.certainty + max(chance, 0.3)) / 2 + 0.1
            if certainty < SURE or len(content_words(text)) < 3:
                continue
        yield Move(line, cue.move, around(text, cue.start, cue.end), min(certainty, 0.99))
    if "student_reasoning" not in cues and chance >= 0.7 and len(content_words(text)) >= 4:
        yield Move(line, "student_reasoning", _short(text), chance * 0.9)
    if not {"student_question", "student_confusion"} & set(cues) and len(content_words(text)) >= 1:
        yield Move(line, "student_claim", _short(text), 0.7)
    moves = judged.get("student_moves")
    if moves is not None and moves.label == "relating" and "student_relating" not in cues:
        certainty = moves.probabilities["relating"] * DISCOUNT
        if certainty >= SURE * DISCOUNT and one.before:
            yield Move(line, "student_relating", _short(text), certainty)


def _errors(heard: Sequence[_Heard]) -> dict[int, Move]:
    """What students say that is false in itself, or that the teacher's next words take for wrong."""
    found: dict[int, Move] = {}
    for index, one in enumerate(heard):
        if one.utterance.voice not in STUDENTS:
            continue
        text, line = one.utterance.text, one.utterance.line
        asked = next(
            (q.text for q in reversed(questions(one.before))), ""
        )  # the last question before the student's words
        span = false_statement(text, asked)
        if span is not None:
            found[line] = Move(line, "student_error", around(text, *span), 0.9)
            continue
        cue = next((cue for cue in student_cues(text) if cue.move == "student_error"), None)
        if cue is not None:
            found[line] = Move(line, "student_error", around(text, cue.start, cue.end), cue.certainty)
            continue
        if index + 1 < len(heard) and _taken_for_wrong(one, heard[index + 1]):
            found[line] = Move(line, "student_error", _short(text), 0.75)
    return found


def _taken_for_wrong(one: _Heard, after: _Heard) -> bool:
    if after.utterance.voice != Voice.TEACHER or not content_words(one.utterance.text):
        return False
    asking = plain(one.utterance.text).rstrip().endswith("?") and count(one.utterance.text) > TENTATIVE
    if asking or any(cue.move == "student_confusion" for cue in student_cues(one.utterance.text)):
        return False
    first = next(sentences(after.utterance.text), None)
    if first is None:
        return False
    correcting = [cue for cue in teacher_cues(first.text) if cue.move == "correcting"]
    echoed = set(content_words(first.text)) <= set(content_words(one.utterance.text))
    denied = (
        re.match(r"(?:no|nope|not (?:quite|exactly|really)|uh[- ]uh|almost|close)\b", plain(first.text))
        is not None
    )
    return bool(correcting) and correcting[0].start <= 12 and (denied or not echoed)
