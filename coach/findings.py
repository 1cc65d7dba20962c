"""Two highlights in the teacher's own words, and one or two missed opportunities."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from coach.inventory import STUDENTS, Inventory, Move
from coach.replies import SURE, replied
from coach.scored import Found
from coach.suggesting import Draft
from coach.talk import Voice
from coach.targets import Target
from coach.words import content_words, count, plain, sentences, words

MOST = 2
APART, NEAR = 5, 2  # lines between two highlights, and where there are no others that far apart
NEXT = 2  # lines within which a student must have answered
WORTH, WORTHY = 1.3, 1.8  # of the one highlight, and of a second: none is better than a filler
THOUGHT = 8  # words
BRIEF = 4  # words
BEYOND = 4  # words of the teacher's own that make more of a student's words than an echo
# How much a teacher's move is worth showing, and what it did, in words.
STRONG: dict[str, tuple[float, str]] = {
    "press_reasoning": (1.3, "You asked for the reason behind it"),
    "error_probing": (1.5, "You made the wrong answer worth thinking about"),
    "students_relating": (1.7, "You had students think about each other’s ideas"),
    "focusing_question": (1.2, "Your question left the thinking with the student"),
    "revoicing": (1.1, "You said the idea again so that everybody could think with it"),
    "connecting_representations": (1.1, "You tied the words to something that can be seen"),
    "uptake": (1.0, "You built on what the student had just said"),
    "turn_and_talk": (0.9, "You gave everybody the chance to say it themselves"),
    "specific_praise": (0.8, "You named what was good about it"),
    "press_accuracy": (0.6, "You asked for the exact word or number"),
}
OPENING = {
    "student_reasoning": "A student gives a reason here.",
    "student_error": "There is a thought behind this answer that could be worth a minute.",
    "student_confusion": "A student says here what is not clear, which takes courage.",
    "student_question": "A student asks a real question here.",
    "student_claim": "A student claims something here that could be put to the test.",
    "objection": "A student objects here, which is a thought of their own.",
}
_ONWARD = re.compile(r"(?:^|[.!?] )(?:okay|ok|right|alright|all right|now)\b[^.?!]*[.?!] .*\w")
_NAMED = re.compile(r"\bStudents? ?[A-Z]*\b")
_NEW_PHASE = re.compile(r"(?:okay|ok|right|alright|all right|now|eyes|good)\b", re.IGNORECASE)
LEFT = {
    "student_reasoning": "The reason was not tested, and nobody else worked with it.",
    "student_error": "How it came about was not asked, so the class could not learn from it.",
    "student_confusion": "What exactly was unclear did not come out.",
    "student_question": "It was closed before the class could think about it.",
    "student_claim": "Why it should be so was not asked.",
    "objection": "What speaks for it and what against it was not weighed.",
}
OPENS = {  # what would have opened it, where no suggestion says so
    "student_reasoning": "press_reasoning",
    "student_error": "error_probing",
    "student_confusion": "focusing_question",
    "student_question": "students_relating",
    "student_claim": "press_reasoning",
    "objection": "students_relating",
}
SHOWN = 22  # words of a quote inside a sentence


def highlights(inventory: Inventory) -> list[Found]:
    """The teacher's strongest moves with what students then said, at most two, of different kinds where that can be."""
    ranked = sorted(_candidates(inventory), key=lambda row: (-row[0], row[1].line))
    chosen: list[Move] = []
    for different, lines in ((True, APART), (False, APART), (True, NEAR)):
        for worth, move in ranked:
            if worth < (WORTHY if chosen else WORTH):
                continue
            if chosen and not _opened(inventory, move):
                continue
            apart = all(abs(move.line - one.line) >= lines for one in chosen)
            fresh = not different or move.name not in {one.name for one in chosen}
            if len(chosen) < MOST and apart and fresh:
                chosen.append(move)
    return [_highlight(inventory, move) for move in sorted(chosen, key=lambda move: move.line)]


def missed(inventory: Inventory, found: Sequence[Target], drafts: Sequence[Draft]) -> list[Found]:
    """What students said and nothing took further: the moments of the suggestions first, at most two."""
    moves = {draft.target.line: draft.strategy.move for draft in drafts}
    suggested = [draft.target for draft in drafts if not draft.target.met]
    lines = {one.line for target in suggested for one in (target, *target.thread)}
    others = [
        one for one in found if not one.met and not lines & {one.line, *(later.line for later in one.thread)}
    ]
    ordered = [*suggested, *others][:MOST]
    return [
        Found(
            target.line,
            target.quote,
            moves.get(target.line, OPENS[target.kind]),
            _why_missed(inventory, target),
        )
        for target in sorted(ordered, key=lambda target: target.line)
    ]


def _candidates(inventory: Inventory) -> Iterator[tuple[float, Move]]:
    for move in inventory.moves:
        one = inventory.transcript[move.line]
        if move.name not in STRONG or one.voice != Voice.TEACHER or move.certainty < SURE:
            continue
        if inventory.has(move.line, "managing_behaviour") or count(move.quote) < 2:
            continue
        reply = _then(inventory, move.line)
        if reply is None or not _shows(inventory, move, reply[1]):
            continue
        worth = STRONG[move.name][0] * move.certainty + min(count(reply[1]), 30) / 30
        if inventory.has(reply[0], "student_reasoning", least=SURE):
            worth += 0.6
        if count(move.quote) <= BRIEF and not content_words(_NAMED.sub("", move.quote)):
            worth -= 0.4  # “Go on.” says little to somebody who was not there
        if _before(inventory, move.line):
            worth += 0.4
        if set(content_words(_before(inventory, move.line))) & set(content_words(one.text)):
            worth += 0.3
        yield worth, move


def _shows(inventory: Inventory, move: Move, reply: str) -> bool:
    """Whether a move is one that a person would point at: more than an echo, a name called, or a word asked for."""
    said = _before(inventory, move.line)
    asked = move.quote.rstrip().endswith("?")
    if move.name in ("uptake", "revoicing") and not asked:
        own = [word for word in words(_NAMED.sub("", move.quote)) if word not in words(said)]
        return len(own) >= BEYOND
    if move.name == "press_accuracy":
        return asked and count(said) > 2 and count(reply) > 3
    if move.name == "connecting_representations":
        return asked or (count(said) > 2 and count(move.quote) >= BRIEF)
    return True


def _opened(inventory: Inventory, move: Move) -> bool:
    """Whether a student then said something with a thought in it."""
    then = _then(inventory, move.line)
    return then is not None and (
        inventory.has(then[0], "student_reasoning", least=SURE)
        or count(then[1]) >= THOUGHT
        or plain(then[1]).startswith("because")
    )


def _then(inventory: Inventory, line: int) -> tuple[int, str] | None:
    """The student's line that follows, and its words."""
    for at in range(line + 1, min(line + NEXT, len(inventory.transcript)) + 1):
        one = inventory.transcript[at]
        if one.voice in STUDENTS and content_words(one.text):
            return at, one.text
    return None


def _before(inventory: Inventory, line: int) -> str:
    for at in range(line - 1, max(0, line - 3), -1):
        one = inventory.transcript[at]
        if one.voice in STUDENTS:
            return one.text
    return ""


def _highlight(inventory: Inventory, move: Move) -> Found:
    did = STRONG[move.name][1]
    before, then = _before(inventory, move.line), _then(inventory, move.line)
    text = inventory.transcript[move.line].text
    answering = inventory.transcript[max(1, move.line - 1)].voice in STUDENTS and not _NEW_PHASE.match(text)
    # What leads to the quote may have turned to something else: then what was said before does not belong to it.
    leading = text[: max(0, text.find(move.quote))]
    about = answering and not _ONWARD.search(plain(leading)) and move.name != "turn_and_talk"
    said = f" after a student had said “{_cut(before)}”" if about and count(before) > 1 else ""
    why = f"{did}{said}."
    if then is not None:
        came = (
            "a student then reasoned"
            if inventory.has(then[0], "student_reasoning", least=SURE)
            else "the answer was"
        )
        why += f" And {came}: “{_told(inventory, *then)}” (line {then[0]})."
    return Found(move.line, move.quote, move.name, why)


def _told(inventory: Inventory, line: int, text: str) -> str:
    """A student's answer, without what is said before it begins: the sentence with the reason, where it is long."""
    if count(text) <= SHOWN:
        return _cut(text)
    reasons = [move.quote for move in inventory.at.get(line, ()) if move.name == "student_reasoning"]
    pieces = [piece.text for piece in sentences(text) if len(content_words(piece.text)) > 2]
    shown = next((quote for quote in reasons if len(content_words(quote)) > 2), pieces[0] if pieces else text)
    return _cut(shown)


def _why_missed(inventory: Inventory, target: Target) -> str:
    reply = replied(inventory.transcript, target.reply)
    why = f"{OPENING[target.kind]} The reply was “{reply}” (line {target.reply}). {LEFT[target.kind]}"
    later = [line for line in target.again if line > target.line]
    if later:
        lines = (
            f"line {later[0]}"
            if len(later) == 1
            else f"lines {', '.join(map(str, later[:-1]))} and {later[-1]}"
        )
        why += f" The student comes back to it at {lines}."
    return why


def _cut(text: str) -> str:
    """Whole sentences of a quote as long as they are few words; verbatim in any case."""
    text = text.strip()
    if count(text) <= SHOWN:
        return text.rstrip(".")
    first = next(sentences(text)).text
    parts = first.split()
    return first.rstrip(".") if len(parts) <= SHOWN else first[: _end_of(first, SHOWN)] + " …"


def _end_of(text: str, most: int) -> int:
    at = 0
    for _ in range(most):
        at += len(text[at:]) - len(text[at:].lstrip())
        space = next((index for index, char in enumerate(text[at:]) if char.isspace()), len(text) - at)
        at += space
    return at
