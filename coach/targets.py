"""Moments at which more could have come of what a student said: targets of missed opportunities and suggestions.

A target is a student's turn with an error, a difficulty, an objection, a question about the matter or reasoning. It is
`met` where the teacher's next turns took it up (`coach.replies`). Moments of one thread are one target.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from coach.inventory import STUDENTS, Inventory
from coach.questions import questions
from coach.replies import DEFERRED, PARKED, about, answer, does, focuses, taken_up, turn
from coach.student_words import student_words
from coach.talk import Utterance, Voice
from coach.words import NUMBERS, SUBJECT, around, content_words, count, plain, sentences, words

SURELY = 1.6  # of a bare claim
WEAKEST = 1.0  # strength: nothing is forced where nothing is there
LAST = 4  # lines of a lesson in which nobody can begin anything
GROUP_TALK = 2  # lines of students before one that may not have been said to the teacher
THREAD = 8  # lines in which the same student is still at the same matter
RETURNING = 0.4  # strength of each time a student comes back to what was let go
WHOLE = 16  # words of an utterance that is quoted as a whole
OBJECTING = 24  # the same of an objection, which seldom stands in one sentence
MEETING = (  # what takes a student's words further
    "uptake", "press_reasoning", "press_accuracy", "focusing_question", "revoicing", "students_relating", "error_probing",
    "connecting_representations", "turn_and_talk",
)  # fmt: skip
ASKING = ("press_reasoning", "students_relating", "error_probing")
LEADING = ("uptake", "press_accuracy")
WEIGHTS = {
    "student_error": 3.6,
    "student_confusion": 3.0,
    "objection": 2.6,
    "student_question": 1.4,
    "student_reasoning": 2.0,
    "student_claim": 0.6,
}
DIFFICULT = ("student_error", "student_confusion")
_WONDERING = re.compile(
    r"\b(?:what if|why|how come|how (?:can|could|do|does|is|are|would|come)|isn'?t|doesn'?t|don'?t|wouldn'?t|couldn'?t"
    r"|is there|are there|if (?:you|we|it|i|they)|does (?:it|that|this)|is it|would|could)\b[^.!]*\?"
)
# What shows without any word of the subject that a question is about the matter.
_MATTER = re.compile(
    r"\b(?:what if|why|how come|isn'?t|aren'?t|doesn'?t|don'?t|wouldn'?t|couldn'?t|if .{3,}\b(?:would|does|is|are))\b[^.!]*\?"
    r"|^(?:so|but|then) .*\?|\b(?:then|though)\?"
)
_OBJECTION = re.compile(r"^(?:(?:yeah|yes|no|well|ok|okay|wait|teacher)[,.]? )*but\b")
_DENYING = re.compile(r"n't\b|\b(?:not|never|no|nobody|nothing|still)\b")
_DIFFICULTY = re.compile(
    r"\bi(?:'?m| am| was|'?ve)?\b[^.?!]{0,25}\b(?:not|n't|don't|can't|didn't|confus\w+|lost|stuck|forgot|unsure|mixed|no idea)\b"
    r"|\bwe(?:'?re| are| don't| can't)\b|\bconfusing\b|\bmakes? (?:no|any) sense\b|\bwait\b|\bwhat do you mean\b|\bhuh\b"
)
_GENERAL = re.compile(r"\b(?:always|never|nobody|no one|everyone|everybody|every|only|all the)\b")
_OWN = re.compile(r"(?:because|i|i'm|i've)\b|.*\bno, wait\b")  # of oneself, or an explanation
_SOCIAL = re.compile(
    r"(?:(?:sorry|thank|good morning|morning|hi\b|hello|bye|can i (?:go|have|get|use)|may i"
    r"|i (?:don'?t have|need|forgot|lost) (?:a|my|the) (?:pencil|paper|book|homework)))"
)
_DESK = re.compile(  # how the work is done, and not what it is about
    r"\b(?:do (?:we|i|you) (?:(?:have|need) to|put|write|use|copy|get|do)\b"
    r"|how (?:long|many) (?:does|do) (?:it|we|i) have to|count as|supposed to|homework"
    r"|spell|page|notebook|what do i (?:put|write|do)|where do i"
    r"|what if (?:we|i) (?:want|get|finish|forget|need|lose|don'?t|can'?t)"
    r"|can (?:i|we) (?:use|do|keep|go|have|say|write)"
    r"|is (?:this|that|it) (?:okay|ok|right|a claim)\b|the table or|close enough)\b"
)
# A teacher who comes to a group, or calls the groups back, did not hear what was said there.
_ARRIVING = re.compile(
    r"(?:(?:okay|ok|all right|alright|so|hi|hey|now|well|good)[,.!]? )*(?:how'?s it going"
    r"|how (?:are|is) (?:you|we|things|this|everything)"
    r"|how did (?:you|it) go|what (?:have|did) (?:you|we) (?:got|found|find|come up)|what do (?:you|we) have"
    r"|(?:everyone|everybody|eyes|time(?:'?s| is) up|come back|let'?s come back|back together|bring it back))\b"
)
# A reading from an instrument, or what a group has done: a report, and no claim to be defended.
_REPORT = re.compile(
    r"^(?:teacher,? )?(?:ours?|mine|we|i)\b.{0,30}?\b(?:got|says?|said|is|was|did|have|put|measured|made|drew|weighed|rose)\b"
)


@dataclass(frozen=True)
class Target:
    """A student's line, what is in it, and how the teacher replied."""

    line: int
    kind: str  # the student's move, or "objection"; see WEIGHTS
    quote: str  # verbatim
    reply: int  # the teacher's first line after it
    strength: float
    met: bool  # whether something did take it further
    thread: tuple[Target, ...] = ()  # the weaker moments of the same thread, by line

    @property
    def again(self) -> tuple[int, ...]:
        """The lines at which the same thread comes back."""
        return tuple(one.line for one in self.thread)


def targets(inventory: Inventory) -> list[Target]:
    """All moments worth looking at, the strongest first; among them also those that were met."""
    found = [target for one in inventory.transcript if (target := _target(inventory, one)) is not None]
    return _threads(inventory, sorted(found, key=lambda target: (target.met, -target.strength, target.line)))


def _threads(inventory: Inventory, found: Sequence[Target]) -> list[Target]:
    """One target for what belongs together: the strongest, which says where it comes back."""
    kept: list[Target] = []
    for target in found:
        at = next((index for index, one in enumerate(kept) if _one_thread(inventory, one, target)), None)
        if at is None:
            kept.append(target)
        else:
            one = kept[at]
            strength = one.strength if target.met else one.strength + RETURNING
            thread = sorted({*one.thread, target}, key=lambda other: other.line)
            kept[at] = replace(one, thread=tuple(thread), strength=strength)
    return sorted(kept, key=lambda target: (target.met, -target.strength, target.line))


def _one_thread(inventory: Inventory, one: Target, other: Target) -> bool:
    """Whether a student is still, or again, at the same matter."""
    lines = inventory.transcript[one.line], inventory.transcript[other.line]
    if lines[0].speaker != lines[1].speaker or lines[0].voice == Voice.GROUP:
        return False
    shared = set(content_words(lines[0].text)) & set(content_words(lines[1].text))
    both = one.kind in DIFFICULT and other.kind in DIFFICULT
    return abs(one.line - other.line) <= THREAD or len(shared) >= (1 if both else 2)


def _target(inventory: Inventory, one: Utterance) -> Target | None:
    if one.voice not in STUDENTS or _social(one.text):
        return None
    kind, certainty, quote = _kind(inventory, one)
    matter = content_words(one.text)
    if not kind or not matter or not _sayable(kind, one.text, matter):
        return None
    replies = answer(inventory, one.line)
    if not replies or _unheard(inventory, one.line, replies[0]):
        return None
    difficult = kind in DIFFICULT
    strength = WEIGHTS[kind] * certainty + min(len(matter), 10) / 20 + min(_subject(one.text), 4) / 12
    strength += _left(inventory, one, kind, replies)
    if kind == "student_question" and _wonders(one.text):
        strength += 1.2
    before = max(1, one.line - 1)
    if kind == "student_reasoning" and inventory.has(before, *ASKING, least=0.6):
        strength -= 0.5  # it was asked for, and came
    if strength < (SURELY if kind == "student_claim" else WEAKEST):
        return None
    # Being told the answer, or led to it in small steps, builds on a difficulty too, but leaves nothing of it to the student.
    reasoned = kind in ("student_reasoning", "student_claim")
    meeting = MEETING if reasoned else [name for name in MEETING if name not in LEADING]
    whole = turn(inventory, replies[0])
    if about(whole) != whole:  # the talk moved on; what comes later is about something else
        replies = [line for line in replies if all(at in replies for at in range(replies[0], line))]
    met = any(_does(inventory, line, meeting) for line in replies) or taken_up(
        inventory, one.line, difficult, reasoned
    )
    if reasoned:
        met = met or any(focuses(inventory, line) for line in replies)
    return Target(one.line, kind, quote, replies[0], round(strength, 4), met)


def _unheard(inventory: Inventory, line: int, reply: int) -> bool:
    """Whether a student spoke in a group that the teacher only then came to."""
    transcript = inventory.transcript
    before = range(max(1, line - GROUP_TALK), line)
    students = sum(transcript[at].voice in STUDENTS for at in before)
    return students == GROUP_TALK and _ARRIVING.match(plain(transcript[reply].text)) is not None


def _does(inventory: Inventory, line: int, names: Sequence[str]) -> bool:
    """Whether one of the moves is made while the teacher still speaks of what was said."""
    text = inventory.transcript[line].text
    kept = about(text)
    near = [move.name for move in inventory.at.get(line, ()) if text.find(move.quote) < max(1, len(kept))]
    return does(inventory, line, [name for name in names if name in near])


def _kind(inventory: Inventory, one: Utterance) -> tuple[str, float, str]:
    """What is in a student's words that could be taken further, how surely, and the words that show it; "" for nothing."""
    moves = {move.name: move for move in inventory.at.get(one.line, ()) if move.name in WEIGHTS}
    denies = contradicts(inventory, one)
    if "student_error" in moves and not denies:
        move = moves["student_error"]
        return "student_error", move.certainty, _quote(one.text, move.quote)
    if _told_another(inventory, one) and not denies:
        return "student_error", 0.8, _quote(one.text, "")
    asks = _asked(one.text)
    unclear = moves.get("student_confusion")
    if unclear is not None and _DIFFICULTY.search(plain(one.text)):
        return "student_confusion", unclear.certainty, _quote(one.text, unclear.quote)
    if asks and _wonders(one.text) and not _DESK.search(plain(one.text)):
        return "student_question", 1.0, _question(one.text)
    if objects(one.text) and not _yes_but(inventory, one) and not asks:
        return "objection", 1.0, _quote(one.text, "", OBJECTING)
    if denies:
        return "objection", 0.75, _quote(one.text, "", OBJECTING)
    if unclear is not None:
        return "", 0.0, ""  # a question without a difficulty, or the memory of one
    rest = [move for move in moves.values() if move.name != "student_confusion"]
    if not rest:
        return "", 0.0, ""
    move = max(rest, key=lambda move: (WEIGHTS[move.name] * move.certainty, move.name))
    return move.name, move.certainty, _quote(one.text, move.quote)


def _sayable(kind: str, text: str, matter: Sequence[str]) -> bool:
    """Whether there is something in the words that a class could think about."""
    low = plain(text)
    real = {word for word in matter if not word[0].isdigit() and word.split("-")[0] not in NUMBERS}
    if kind == "student_error":
        return len(words(text)) >= 3 or any(word.isdigit() for word in matter)
    if kind == "student_confusion":
        return len(real) >= 1 and not (_asked(text) and count(text) < 6)
    if kind == "objection":
        return not _DESK.search(low)
    if kind == "student_question":
        return not _DESK.search(low) and (
            _subject(text) > 0 or (len(matter) >= 2 and bool(_MATTER.search(low)))
        )
    if kind == "student_claim":
        general = bool(_GENERAL.search(low)) and len(real) >= 2
        told = _REPORT.match(low) or _DESK.search(low)
        return (general or (_subject(text) > 0 and len(real) >= 3)) and not told
    return len(real) >= 2 and not _DESK.search(low)


def _quote(text: str, quote: str, whole: int = WHOLE) -> str:
    """The whole of a short utterance; else the sentence that says most, where that is not the one that showed the move."""
    if count(text) <= whole:
        return text.strip()
    idea = student_words(text).idea
    if not quote or (idea and idea not in quote):
        return around(text, text.index(idea), text.index(idea) + len(idea)) if idea else around(text, 0, 1)
    return quote


def _question(text: str) -> str:
    """The whole of a short utterance; else its fullest question, with what comes right after it where that is short."""
    if count(text) <= WHOLE:
        return text.strip()
    pieces = list(sentences(text))
    asked = [index for index, piece in enumerate(pieces) if piece.text.endswith("?")]
    first = last = max(asked, key=lambda index: len(content_words(pieces[index].text)))
    if len(content_words(pieces[first].text)) > 2:
        return pieces[first].text
    for index in range(first + 1, len(pieces)):
        if count(text[pieces[first].start : pieces[index].end]) > WHOLE + 4:
            break
        last = index
    return text[pieces[first].start : pieces[last].end]


def _asked(text: str) -> list[str]:
    return [piece.text for piece in sentences(text) if piece.text.endswith("?")]


def _wonders(text: str) -> bool:
    """Whether a question is one that a class could think about, and not about what to do."""
    low = plain(text)
    return bool(_WONDERING.search(low) or _MATTER.search(low)) and len(content_words(text)) >= 2


def _subject(text: str) -> int:
    """How many words of the subject there are, numbers among them."""
    return sum(1 for word in words(text) if word in SUBJECT or word in NUMBERS or word[0].isdigit())


def _social(text: str) -> bool:
    return _SOCIAL.match(plain(text)) is not None


def _left(inventory: Inventory, one: Utterance, kind: str, replies: list[int]) -> float:
    """How plainly the reply let the words go: put off, praised and on to the next thing, told, led in small steps; less
    where the words were at least said again."""
    whole = plain(turn(inventory, replies[0]))
    kept = about(whole)
    left = 0.0
    ending = one.line > len(inventory.transcript) - LAST
    if ending:
        left -= 1.2  # no time was left
    elif DEFERRED.search(whole):
        left += 0.7
    if PARKED.search(whole):
        left -= 1.2
    if not content_words(kept):
        left += 0.5  # not a word on it
    if len(kept) < len(whole):
        left += 0.4  # straight on to the next thing
    if inventory.has(replies[0], "explaining", "correcting", "funnelling_question"):
        left += 0.4
    if inventory.has(replies[0], "restating", "specific_praise"):
        left -= 0.6
    if "?" not in kept:
        left += 0.3  # the matter is closed
        wonders = kind == "student_question" and _wonders(one.text)
        if (kind == "objection" or wonders) and replies[0] == one.line + 1:
            left += (
                0.6  # an objection or a question that was closed is worth more than a reason that was fine
            )
    if inventory.has(one.line, "student_reasoning") and kind in DIFFICULT:
        left += 0.4  # what is not clear, said with its reason
    return left


def objects(text: str) -> bool:
    """Whether a student says but to something."""
    return bool(_OBJECTION.search(plain(text))) and bool(content_words(text))


def contradicts(inventory: Inventory, one: Utterance) -> bool:
    """Whether a student denies, unasked, what the teacher has just said."""
    low = plain(one.text)
    if one.line < 2 or not _DENYING.search(low) or _asked(one.text) or _OWN.match(low):
        return False
    before = inventory.transcript[one.line - 1]
    if before.voice != Voice.TEACHER or before.text.rstrip().endswith("?"):
        return False
    asked = {question.text for question in questions(before.text)}
    last = [piece.text for piece in sentences(before.text)][-3:]
    if last and last[-1] in asked:
        return False
    return bool(set(content_words(" ".join(last))) & set(content_words(one.text)))


def _told_another(inventory: Inventory, one: Utterance) -> bool:
    """Whether the teacher's answer to a number is another number: “It's five hundred.”"""
    if one.line == len(inventory.transcript) or _asked(one.text):
        return False
    after = inventory.transcript[one.line + 1]
    first = next((piece.text for piece in sentences(after.text)), "")
    told, own = content_words(first), content_words(one.text)
    return (
        after.voice == Voice.TEACHER
        and re.match(r"(?:no,? )?(?:it'?s|it is|it should be)\b[^?]*$", plain(first)) is not None
        and bool(told)
        and all(word.isdigit() for word in told)
        and any(word.isdigit() for word in own)
        and not set(told) <= set(own)
    )


def _yes_but(inventory: Inventory, one: Utterance) -> bool:
    """An answer to the teacher's question that only begins like an objection."""
    before = inventory.transcript[one.line - 1] if one.line > 1 else None
    asked = before is not None and before.voice == Voice.TEACHER and before.text.rstrip().endswith("?")
    return asked and re.match(r"(?:yes|yeah|no)\b", plain(one.text)) is not None
