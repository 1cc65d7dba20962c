"""What a script rests on: each line that claims is verified and cited, or flagged until a person has settled it."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from courses.models import Passage
from courses.verification import SUPPORTED, verify_all
from courses.verification.tables import NEGATORS
from courses.verification.words import words
from courses.wording import bag
from tutor.accounts.models import User
from tutor.classrooms.fitting import is_sentence
from tutor.classrooms.models import Lesson, LessonPage, Line

# How a teacher may begin a sentence without adding to what it says.
LEAD = re.compile(
    r"^(?:for example|remember(?: this)?|in short|in symbols|in words|as a formula|in a sentence|note(?: that)?|that is|"
    r"here (?:is|are)|here you see|look at(?: the (?:figure|picture|diagram|table)\b)?|so|and|but|now|first|finally|also|again|"
    r"the (?:figure|picture|diagram|table|page) shows|you see that|we see that|keep in mind(?: that)?|put differently|"
    r"in other words)\b[,:]?\s+",
    re.IGNORECASE,
)
BULLET = re.compile(r"^[ \t]*(?:[-*•‣▪◦–·]|\(?\d{1,3}[.)])[ \t]+")
MOST_ITEMS = 9
# How a teacher leads the class on. What follows may name a page or a question, but state nothing.
TRANSITION = re.compile(
    r"^(?:welcome[.!]?(?: this lesson (?:is about|asks))?|let us (?:turn to|go on with|sum up|pause here|begin with|look at)|"
    r"now (?:to|we ask)|we (?:come to|stay with)|next[:,]?|our next point:|look at|take a moment to (?:read|look at)|"
    r"and this is what it prints|that was the last page|today we (?:look at|ask)|your \w+ is)(?!\w)[.:]?",
    re.IGNORECASE,
)
TASK = re.compile(r"^(?:try it yourself|your turn):", re.IGNORECASE)
ASKED = re.compile(r"^(?:[“\"]|(?:why|how|what|when|where|which|who|whether)\b)", re.IGNORECASE)
GLUE = bag("for if is are the a an and it")  # what may stand between the cells of a row that is read out
OF_A_LIST = bag("on page names “ ”")


@dataclass(frozen=True)
class Support:
    """What speaks for a claim: a verdict and, where there is one, the passage with verbatim words of it.

    start and end are offsets in the material's text.
    """

    verdict: str
    passage: Passage | None = None
    quote: str = ""
    start: int = 0
    end: int = 0


def support(claims: Sequence[str], passages: Sequence[Passage]) -> list[Support]:
    """What each claim rests on. One batch for the verifier."""
    found = []
    texts = [_unmarked(passage.text) for passage in passages]
    for claim, verdict in zip(
        claims, verify_all([core(claim) for claim in claims], texts) if claims else [], strict=True
    ):
        if verdict.verdict != SUPPORTED and (read := _row(claim, passages) or _list(claim, passages)):
            found.append(read)
        elif not verdict.quotes:
            found.append(Support(verdict.verdict))
        else:
            quote = verdict.quotes[0]
            found.append(_cited(verdict.verdict, passages[quote.passage], quote.start, quote.end))
    return found


def _cited(verdict: str, passage: Passage, start: int, end: int) -> Support:
    """With the words as they stand in the material; start and end are offsets in the passage. A formula or a bracket that
    the words end in is not cut."""
    if closing := re.match(r"[})\]]*(?:\$\$?)?[.!?]?", passage.text[end:]):
        end += closing.end()
    return Support(verdict, passage, passage.text[start:end], passage.start + start, passage.start + end)


def _unmarked(text: str) -> str:
    """The same length, without what keeps a sentence apart that runs through a formula and the next list item."""
    text = re.sub(r"\$\$(.*?)\$\$", lambda found: f"$ {found[1]} $", text, flags=re.DOTALL)
    return re.sub(r"(?m)^[ \t]*[-*•] (?=[a-z])", lambda found: " " * len(found[0]), text)


def _row(claim: str, passages: Sequence[Passage]) -> Support | None:
    """The row of a table that a sentence reads out: all its cells in order, joined by nothing but the table's headers
    and a few small words."""
    said = _words(claim)
    for passage in passages:
        header: list[str] = []
        for line in re.finditer(r"(?m)^[ \t]*\|(.+)\|[ \t]*$", passage.text):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line[1])]
            if not header:
                header = [word for cell in cells for word in _words(cell)]
            elif _reads(said, [_words(cell) for cell in cells], (GLUE | set(header)) - NEGATORS):
                return _cited(SUPPORTED, passage, line.start(), line.end())
    return None


def _list(claim: str, passages: Sequence[Passage]) -> Support | None:
    """The list that a sentence reads out: its lead-in and all its items in order, or its items under their heading."""
    said = _words(claim)
    for passage in passages:
        above = {word for heading in passage.heading_path for word in _words(str(heading))}
        lines = [
            (*line.span(), bool(BULLET.match(line[0])))
            for line in re.finditer(r"[^\n]*\S[^\n]*", passage.text)
        ]
        cells = [_words(BULLET.sub("", passage.text[start:end])) for start, end, _ in lines]
        for first in range(len(lines)):
            for last in range(first + 1, min(first + MOST_ITEMS, len(lines))):
                if not lines[last][2]:
                    break
                if _reads(said, cells[first : last + 1], (GLUE | OF_A_LIST | above) - NEGATORS):
                    return _cited(SUPPORTED, passage, lines[first][0], lines[last][1])
    return None


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+|[^\w\s,.;:|$]", text.lower())


def _reads(said: Sequence[str], cells: Sequence[Sequence[str]], between: Set[str]) -> bool:
    at = 0
    for cell in cells:
        while list(said[at : at + len(cell)]) != list(cell):
            if at >= len(said) or said[at] not in between:
                return False
            at += 1
        at += len(cell)
    return len(cells) > 1 and all(cells) and all(word in between for word in said[at:])


def core(text: str) -> str:
    """What a sentence claims, without the words with which a teacher leads up to it."""
    stripped = LEAD.sub("", text)
    return stripped[:1].upper() + stripped[1:] if stripped else text


def claims(text: str) -> bool:
    """Whether a sentence says anything that could be checked. A question does not, nor "Here is an example.", nor what
    only leads from one page to the next.
    """
    text = text.strip()
    if text.endswith("?") or TASK.match(text) or not any(word.content for word in words(core(text))):
        return False
    found = TRANSITION.match(text)
    rest = text[found.end() :].strip() if found else text
    return is_sentence(rest) and not ASKED.match(rest) if found else True


def apply(line: Line, found: Support | None) -> None:
    """Put on the line what it rests on; None where it claims nothing. Does not save."""
    line.settled_by, line.settled_at = None, None
    line.verdict = found.verdict if found else ""
    line.flag = Line.Flag.NONE if found is None or found.verdict == SUPPORTED else Line.Flag.OPEN
    line.passage = found.passage if found else None
    line.quote = found.quote if found else ""
    line.start, line.end = (found.start, found.end) if found else (0, 0)


def verify(line: Line) -> None:
    """Verify a line against its page's passages, and save it."""
    passages = list(line.action.page.passages.order_by("ordinal"))
    apply(line, support([line.text], passages)[0] if line.claim else None)
    line.save()


def accept(line: Line, user: User) -> None:
    """Let the line stand as it is: the user answers for it by name."""
    line.flag, line.settled_by, line.settled_at = Line.Flag.ACCEPTED, user, timezone.now()
    line.save(update_fields=["flag", "settled_by", "settled_at"])


def lines_of(lesson: Lesson) -> QuerySet[Line]:
    """All lines of a lesson, in the order in which they are said."""
    return Line.objects.filter(action__page__lesson=lesson).order_by(
        "action__page__ordinal", "action__ordinal", "ordinal"
    )


def waiting(lesson: Lesson) -> QuerySet[Line]:
    """The lines that somebody has to settle before the lesson can be published."""
    return lines_of(lesson).filter(flag=Line.Flag.OPEN).select_related("action__page")


def counts(page: LessonPage) -> tuple[int, int]:
    """Sentences that a page's script says, and how many of them were flagged (settled ones too)."""
    lines = Line.objects.filter(action__page=page)
    return lines.count(), lines.exclude(flag=Line.Flag.NONE).count()
