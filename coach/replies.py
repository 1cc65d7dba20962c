"""How a teacher answers what a student said: which lines are the answer, and whether it took the words further."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from coach.cues import teacher_cues
from coach.inventory import STUDENTS, Inventory
from coach.questions import Kind, Question, questions
from coach.talk import Transcript, Voice
from coach.words import content_words, count, plain, sentences

TURNS = 3  # of the teacher, in which an answer can come
LATER = 8  # lines in which a teacher can come back to what a student said
NEAR = 3  # lines after which a teacher's words are no answer any more
AGAIN = 5  # words with which the same student goes on
SURE = 0.6
LIKELY = 0.36  # of the classifier's focusing: measured on labelled and planted replies, see bench/scoring.py
SHORT = 4  # words of a question that only hands the student's own words back: “Are there?”
HANDING_ON = ("students_relating", "press_reasoning", "revoicing", "turn_and_talk", "error_probing", "uptake")
FAR = 45  # words into a reply, after which it speaks of something else
_ONWARD = re.compile(
    r"\b(?:next (?:one|question|problem|number|page|slide)|number (?:\d+|two|three|four|five|six|seven|eight|nine|ten)"
    r"|move on|moving on|let'?s go on|go on to|let'?s (?:do|look at|try) (?:number|problem|the next)|open your|take out|line up"
    r"|clean up|page \d+)"
)
_CLOSING = re.compile(  # a teacher turning to the next thing
    r"(?:(?:^|[.!?] )(?:okay|ok|right|alright|all right|now|good|well),? (?:so |now |then )?(?:next|let'?s|we'll|we're|we've|open"
    r"|copy|write|for the|for homework|one more|here'?s|tables|stand|put|keep|back to|two more|off you go|go on|guys)\b"
    r"|\bso now\b|\bkeep going\b|\btwo more minutes\b|\bmove on\b|\bfor homework\b|\bwrite (?:it|that|this) down\b)"
)
DEFERRED = re.compile(
    r"\b(?:we'?ll (?:get to|come to|do|see|talk about)|another (?:day|time|lesson)|next (?:week|time|lesson|year)"
    r"|tomorrow|on (?:mon|tues|wednes|thurs|fri)day|complicated|for today|later on|don'?t worry about|leave (?:that|it) out"
    r"|when we do (?:our|the))\b"
)
PARKED = re.compile(r"\b(?:hold (?:on to )?(?:that|it)|come back to (?:that|it|this)|parking lot)\b")
_CHALLENGE = re.compile(  # the matter is the students' again, without a question
    r"\b(?:try it|tell me|find out|see if you can|what do you think|answer (?:that|him|her|it)|convince (?:me|us)"
    r"|leave you with (?:that|it)|think about (?:that|it))\b"
)
_PRAISED = re.compile(  # what exactly was good, or whose it is
    r"\bthat'?s (?:such |much |really |very |quite )+\w+|\bthat'?s an? (?!bit|good|nice|great)\w+"
    r"|\bthat (?:might|could|must) be the best\b|\bi (?:really |just )?(?:like|love)\b|\bquote you\b|\bhow you said\b"
    r"|^(?:(?:oh|wow|so|okay|yes)[,.!]? )*you(?:'ve| just)? (?:\w+ed|found|saw|made|took|put|did)\b|\byour sentence\b"
)
_INFERRED = re.compile(  # something concluded from the student's words
    r"(?:^|[.!?] )(?:(?:okay|hm+|ah|oh|yes)[,.!]? )*so,? (?!(?:now|next|let|let's|copy|write|do|yes|no|then|back|it floats)\b)"
    r"(?:[^\s.?!]+ ){3,}"
)
_MEANT = re.compile(r"\b(?:does|is|would|could) that (?!make sense|ok|okay|right|clear|it)\w+")
_TAG = re.compile(
    r", (?:is|are|does|do|did|was|were|has|have|can|will|won|isn|aren|don|doesn)(?:'?t)? (?:it|they|you|we|he|she)\?$"
)
_LABEL = r"student [a-z]{1,2}\b"
_SAYS = re.compile(rf"({_LABEL})(?: says| said| thinks| thought| got| has| had| wants|'s)\b")


def turn(inventory: Inventory, line: int) -> str:
    """All that the teacher says from a line on until somebody else speaks."""
    transcript = inventory.transcript
    said = []
    while line <= len(transcript) and transcript[line].voice == Voice.TEACHER:
        said.append(transcript[line].text)
        line += 1
    return " ".join(said)


def about(text: str) -> str:
    """A reply up to where it turns to the next thing."""
    low = plain(text)
    ends = [match.start() for match in (_CLOSING.search(low), _ONWARD.search(low)) if match]
    return text[: min(ends)] if ends else text


def asked_back(said: str, reply: str, difficult: bool) -> bool:
    """Whether a reply asks about a student's words, in whatever way. After a difficulty a small question with the same
    numbers is a step around it, and not back to it."""
    own = set(content_words(said))
    if not difficult and _CHALLENGE.search(plain(reply)):
        return True
    for question in _real(reply):
        low = plain(question.text)
        pointing = re.search(r"\b(?:that|it|this|you)\b", low) is not None and (
            question.kind == Kind.OPEN or re.search(r"\b(?:why|how|what|where)\b", low) is not None
        )
        if difficult:
            if question.kind == Kind.OPEN and pointing:
                return True
        elif (
            set(content_words(question.text)) & own
            or pointing
            or (count(question.text) <= SHORT and not content_words(question.text))
            or re.search(rf"{_LABEL}'s|^(?:hm+[.!,]* )?so\b", low)
            or _MEANT.search(low)
        ):
            return True
    return False


def taken_up(inventory: Inventory, line: int, difficult: bool, reasoned: bool) -> bool:
    """Whether a student's words were taken further in ways that no single move shows: asked about, set against another's,
    gone on with by the same student, or come back to. A reason counts as taken up also where it was said again, named
    as good, or where any real question followed."""
    transcript = inventory.transcript
    one = transcript[line]
    first = next((at for at in range(line + 1, line + NEAR + 1) if _teachers(transcript, at)), None)
    if first is None:
        return True  # students went on without the teacher
    if any(transcript[at].voice in STUDENTS and at > line for at in range(line + 1, first)) and not difficult:
        return True
    whole = turn(inventory, first)
    reply = about(whole)
    after = first
    while _teachers(transcript, after):
        after += 1
    goes_on = (
        after <= len(transcript)
        and transcript[after].speaker == one.speaker
        and count(transcript[after].text) >= AGAIN
    )
    if asked_back(one.text, reply, difficult) or len(set(_SAYS.findall(plain(whole)))) > 1:
        return True
    if _made_topic(one.text, whole):
        return True
    if goes_on and (_real(reply) or (reasoned and not difficult)):
        return True
    inferred = _INFERRED.search(plain(reply)) is not None
    shared = set(content_words(one.text)) & set(content_words(reply))
    if inferred and shared and not difficult and "?" not in one.text:
        return True
    if reasoned and (
        inferred
        or _real(reply)
        or _PRAISED.search(plain(reply))
        or any(inventory.has(at, "restating", "revoicing", "specific_praise") for at in range(first, after))
        or _echoes(one.text, reply)
        or _handed(inventory, line, first, after)
    ):
        return True
    return not difficult and _comes_back(inventory, one.speaker, one.text, after)


def _handed(inventory: Inventory, line: int, first: int, after: int) -> bool:
    """Whether a mere name called another student to answer this one."""
    transcript = inventory.transcript
    called = re.fullmatch(
        rf"(?:okay|so|and|yes|right|hm+)?[,.]? ?{_LABEL}[?.!]*", plain(transcript[first].text).strip()
    )
    if not called or after > len(transcript):
        return False
    answer = transcript[after].text
    return plain(answer).startswith(("but", "no", "yes", "yeah")) or bool(
        set(content_words(answer)) & set(content_words(transcript[line].text))
    )


def _comes_back(inventory: Inventory, speaker: str, said: str, start: int) -> bool:
    """Whether the teacher's next turns name the student with a question, or hand on what was said with its words."""
    transcript = inventory.transcript
    own = set(content_words(said))
    turns = 0
    for at in range(start, min(start + LATER, len(transcript) + 1)):
        if not _teachers(transcript, at) or _teachers(transcript, at - 1):
            continue
        turns += 1
        reply = turn(inventory, at)
        named = re.search(rf"\b{re.escape(plain(speaker))}\b", plain(reply)) is not None
        shared = len(own & set(content_words(reply)))
        if _real(reply) and (
            (named and shared) or (shared > 1 and inventory.has(at, *HANDING_ON, least=SURE))
        ):
            return True
        if turns == 2:
            break
    return False


def _made_topic(said: str, reply: str) -> bool:
    """Whether the class now turns to what the student spoke of: “Good, let's do the frog.”"""
    offers = re.findall(r"\blet'?s ([^.?!]*)", plain(reply))
    return any(set(content_words(said)) & set(content_words(offer)) for offer in offers[:1])


def _teachers(transcript: Transcript, line: int) -> bool:
    return 1 <= line <= len(transcript) and transcript[line].voice == Voice.TEACHER


def _real(text: str) -> list[Question]:
    """Questions about the matter."""
    return [
        one
        for one in questions(text)
        if one.kind in (Kind.OPEN, Kind.CLOSED) and not _TAG.search(plain(one.text))
    ]


def _echoes(said: str, reply: str) -> bool:
    """Whether a reply says much of a student's words again, not only a number."""
    first = next((plain(piece.text).strip(" .!?") for piece in sentences(reply)), "")
    if count(first) >= AGAIN - 1 and first in plain(said):
        return True
    shared = {word for word in set(content_words(said)) & set(content_words(reply)) if not word.isdigit()}
    return len(shared) > 1


def answer(inventory: Inventory, line: int) -> list[int]:
    """The teacher's lines that answer a student's line: the next turn, and those after it while the talk stays with it."""
    transcript = inventory.transcript
    speaker = transcript[line].speaker
    lines: list[int] = []
    turns, at = 0, line + 1
    while at <= len(transcript) and turns < TURNS:
        one = transcript[at]
        if one.voice == Voice.TEACHER:
            first = at
            while at <= len(transcript) and transcript[at].voice == Voice.TEACHER:
                at += 1
            turn = list(range(first, at))
            if not lines and first - line > NEAR:
                break
            lines += turn
            turns += 1
            if not _stays(inventory, turn, at, speaker):
                break
        else:
            at += 1
    return lines


def does(inventory: Inventory, line: int, names: Sequence[str]) -> bool:
    """Whether one of the moves is made in a teacher's line surely, and near enough to its beginning to be the answer to
    what was said before: not after the talk has moved on."""
    text = inventory.transcript[line].text
    for move in inventory.at.get(line, ()):
        if move.name in names and move.certainty >= SURE:
            before = text[: max(0, text.find(move.quote))]
            if count(before) <= FAR and not _ONWARD.search(plain(before)):
                return True
    return False


def focuses(inventory: Inventory, line: int) -> bool:
    """Whether the classifier takes a question in the line for a focusing one, less surely than it takes to call it so:
    where that is likely, nothing is suggested in its place."""
    judged = inventory.judged.get(line, {}).get("focusing")
    if judged is None or judged.probabilities.get("focusing", 0.0) < LIKELY:
        return False
    return any(one.kind in (Kind.OPEN, Kind.CLOSED) for one in questions(inventory.transcript[line].text))


def _stays(inventory: Inventory, turn: list[int], after: int, speaker: str) -> bool:
    """Whether the talk stays with a student's words after the teacher's turn: it was handed on, or the same student
    speaks again and nobody moved to the next thing."""
    transcript = inventory.transcript
    if after > len(transcript):
        return False
    # A bare “Okay.” of the same student ends the matter.
    again = transcript[after].speaker == speaker and bool(content_words(transcript[after].text))
    onward = any(_ONWARD.search(plain(transcript[line].text)) for line in turn)
    handed = any(inventory.has(line, *HANDING_ON, least=SURE) for line in turn)
    return not onward and (handed or again)


def replied(transcript: Transcript, line: int | None) -> str:
    """How the teacher's reply begins, verbatim: whole sentences up to about a dozen words, or fewer and an ellipsis."""
    if line is None:
        return ""
    text = transcript[line].text
    pieces = list(sentences(text))
    end = pieces[0].end if pieces else len(text)
    for piece in pieces[1:]:
        if len(text[pieces[0].start : piece.end].split()) > 12:
            break
        end = piece.end
    return _first_words(text[pieces[0].start : end] if pieces else text.strip(), 16)


def _first_words(text: str, most: int) -> str:
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    return text if len(spans) <= most else text[: spans[most - 1][1]] + " …"


def moves_of(text: str) -> Iterator[str]:
    """The moves that a sentence a teacher could say would make."""
    for cue in teacher_cues(text):
        if cue.certainty >= SURE:
            yield cue.move
