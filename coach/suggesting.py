"""One or two suggestions for a lesson: the moment, what was missing, a sentence to say, and what to expect.

The target is picked by rule (`coach.targets`), error, strategy and intention are decided before words
(`coach.diagnosing`), the novelty gate says what may be suggested (`coach.novelty`), and only then written patterns are
filled with the student's own words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from coach.diagnosing import Strategy, fitting, situations
from coach.inventory import STUDENTS, Inventory
from coach.novelty import Gate, gate
from coach.questions import Kind, questions
from coach.replies import answer, moves_of, replied
from coach.scored import Suggested
from coach.student_words import student_words
from coach.talk import Voice
from coach.targets import Target
from coach.words import content_words, count, plain

MOST = 2
APART = 4  # lines between two suggestions
LAST_RESORT = "wait_time"  # fits every moment, and says least of this one
LONGEST = 45  # words to say in one breath
# What was taken up can still be given to more students.
WIDENED = ("student_reasoning", "student_question", "objection")
WIDENING = ("students_relating", "turn_and_talk")
BESIDE = 6  # lines in which nobody else spoke
RECENT = 15  # lines in which a picture must have been mentioned before it is asked for
_PICTURE = re.compile(
    r"\b(?:pictures?|draw(?:n|ing|ings)?|drew|diagrams?|graphs?|tables? of|number lines?|models?|strips|blocks|arrays?|grids?"
    r"|charts?|bars?)\b"
)


@dataclass(frozen=True)
class Draft:
    """A suggestion that passed the gate, with what it was made from."""

    target: Target
    strategy: Strategy
    gate: Gate
    suggested: Suggested


def suggest(inventory: Inventory, found: Sequence[Target]) -> list[Draft]:
    """The best suggestions, at most two, at different moments and with different moves where that can be."""
    drafts: list[Draft] = []
    for strongest in found:
        if len(drafts) == MOST or (strongest.met and drafts):
            break  # what was taken further is looked at only where there is nothing else
        target = _apart(strongest, drafts)
        if target is None:
            continue
        if target.kind == "student_claim" and drafts:
            continue
        if target.met and (target.kind not in WIDENED or target.reply != target.line + 1):
            continue
        draft = _draft(inventory, target, {one.strategy.move for one in drafts})
        if draft is not None:
            drafts.append(draft)
    return drafts


def _apart(target: Target, drafts: Sequence[Draft]) -> Target | None:
    """The moment, or where another suggestion is near, one at which its thread comes back."""
    moments = [target, *(one for one in target.thread if one.met == target.met)]
    taken = [one.target.line for one in drafts]
    return next((one for one in moments if all(abs(one.line - line) >= APART for line in taken)), None)


def _draft(inventory: Inventory, target: Target, taken: set[str]) -> Draft | None:
    """The first fitting strategy that is new here; else the first that extends what was done elsewhere."""
    words = student_words(inventory.transcript[target.line].text)
    drawn = _drawn(inventory, target.line)
    alone = not target.met and _alone(inventory, target.line)
    extending: Draft | None = None
    for strategy in fitting(situations(inventory, target, words)):
        if target.met and strategy.move not in WIDENING:
            continue
        if alone and strategy.move in WIDENING:
            continue
        if strategy.move in taken or (strategy.move == "connecting_representations" and not drawn):
            continue
        result = gate(inventory, target.line, strategy.move)
        if not result.open:
            continue
        suggested = write(inventory, target, strategy, result)
        if suggested is None or not holds(inventory, target, strategy.move, suggested.say):
            continue
        draft = Draft(target, strategy, result, suggested)
        if result.verdict == "new" and not (extending and strategy.move == LAST_RESORT):
            return draft
        extending = extending or draft
    return extending


def write(inventory: Inventory, target: Target, strategy: Strategy, result: Gate) -> Suggested | None:
    """A strategy's words for this moment; None where the student's words fill none of its wordings."""
    text = inventory.transcript[target.line].text
    said = _said(target.quote)
    if target.kind == "student_question" and said and not said.endswith("?"):
        said += "."
    # A question stands as it was asked, as does what is given to the class; of anything else the best clause is taken up.
    whole = target.met or target.kind in ("student_question", "objection")
    own = {"idea": said} if whole else student_words(text).filled()
    places = {"said": said, "asked": _asked(inventory, target.line), **own}
    places = {name: words for name, words in places.items() if words}
    possible = [wording for wording in strategy.say if _fits(wording, places)]
    if not possible:
        return None
    say = possible[0].format(**places)  # wordings stand from the most to the least specific
    missing = f"Your reply was “{replied(inventory.transcript, target.reply)}” {strategy.missing}"
    if target.met:
        missing = _widened(inventory, target)
    expect = strategy.expect[target.line % len(strategy.expect)]
    return Suggested(
        target.line, target.quote, strategy.move, missing, _sentence(say), expect, result.as_json()
    )


def _widened(inventory: Inventory, target: Target) -> str:
    """What could come after words that were taken up."""
    asked = [
        question.text
        for line in answer(inventory, target.line)
        for question in questions(inventory.transcript[line].text)
        if question.kind in (Kind.OPEN, Kind.CLOSED)
    ]
    how = f" with “{asked[0]}”" if asked and count(asked[0]) <= LONGEST // 2 else ""
    return f"You took this up{how}. The next step is that more students work with it before you go on."


def holds(inventory: Inventory, target: Target, move: str, say: str) -> bool:
    """Whether a sentence may stand as a suggestion, whoever wrote it: it makes the move, is new beside what the teacher
    then said, builds on the student's words and is short."""
    if len(say.split()) > LONGEST or not makes(say, move):
        return False
    own = set(content_words(inventory.transcript[target.line].text))
    return bool(own & set(content_words(say))) or not own


def makes(say: str, move: str) -> bool:
    """Whether words make a move. Asking for the reasons of something wrong is probing the error."""
    made = set(moves_of(say))
    return move in made or (move == "error_probing" and "press_reasoning" in made)


def _fits(wording: str, places: dict[str, str]) -> bool:
    names = {part.split("}")[0] for part in wording.split("{")[1:]}
    return names <= set(places)


def _said(quote: str) -> str:
    """A quote as it stands in a sentence: whole words, without the full stop at its end."""
    quote = re.sub(r"^(?:Teacher|Miss|Sir|(?:Ms|Mr|Mrs)\.? \w+), ", "", quote)
    quote = re.sub(
        r"^(?:(?:Like|Um|Uh|Well|Yeah|Okay|So), |(?:Not really|Kind of|Yeah|Yes|No|I think so)\. )+",
        "",
        quote,
    )
    quote = quote[:1].upper() + quote[1:]
    parts = quote.split()
    return quote.strip().rstrip(".,;:") if len(parts) <= 24 else ""


def _alone(inventory: Inventory, line: int) -> bool:
    """Whether the teacher sits with one student, so that there is no class to turn to."""
    lines = [inventory.transcript[at] for at in range(max(1, line - BESIDE), line)]
    students = {one.speaker for one in lines if one.voice in STUDENTS}
    return len(lines) == BESIDE and students == {inventory.transcript[line].speaker}


def _drawn(inventory: Inventory, line: int) -> bool:
    """Whether there is something drawn to speak of."""
    lines = range(max(1, line - RECENT), min(len(inventory.transcript), line + 3) + 1)
    return any(_PICTURE.search(plain(inventory.transcript[at].text)) for at in lines)


def _asked(inventory: Inventory, line: int) -> str:
    """The teacher's last question before a line, verbatim and short; "" where there is none."""
    for at in range(line - 1, max(0, line - 4), -1):
        one = inventory.transcript[at]
        if one.voice == Voice.TEACHER:
            asked = [q.text for q in questions(one.text) if q.kind in (Kind.OPEN, Kind.CLOSED)]
            return asked[-1] if asked and len(asked[-1].split()) <= 14 and asked[-1].endswith("?") else ""
    return ""


def _sentence(say: str) -> str:
    """With a capital at the beginning, and without the doubled marks that a quote's own can leave."""
    say = re.sub(r"\?[?.]", "?", say).replace("?”?", "?”").replace("?”.", "?”").replace(".”.", "”.")
    return say[:1].upper() + say[1:]
