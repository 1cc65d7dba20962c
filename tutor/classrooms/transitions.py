"""What a teacher says between pages: openings, pauses, the words before a quiz. Nothing here claims anything."""

from __future__ import annotations

import re

from courses.grammar import DETERMINERS, looks_plural, tokens
from tutor.classrooms.fitting import is_sentence, lower
from tutor.classrooms.models import LessonPage

_LABEL = re.compile(
    r"^(?:lecture|notes?|chapter|notebook|unit|week|part|session|lesson)\s*[\divx]*\s*[:–-]\s*", re.IGNORECASE
)
_GENERIC = re.compile(
    r"^(?:(?:learning )?(?:objectives|goals|outcomes)|introduction|overview|outline|agenda|contents|preface|preliminaries)$",
    re.IGNORECASE,
)
_SUMS_UP = re.compile(
    r"^(?:(?:chapter|section|lecture) )?(?:summary|conclusions?|recap|wrap-up|take-home)", re.IGNORECASE
)
_TASK = re.compile(r"^(?:exercises?|problems?|tasks?|practice|try it)\b", re.IGNORECASE)
_EXAMPLE = re.compile(
    r"^(?:an? )?(?:worked |first |second |simple |small )*examples?(?: of)?$", re.IGNORECASE
)
FRAMES = (
    "Let us turn to {now}.",
    "Now to {now}.",
    "That brings us to {now}.",
    "We come to {now}.",
    "Next: {now}.",
)
DISCUSSIONS = (
    "Let us pause here and talk. What did you take from “{section}”, and what is still unclear?",
    "A moment for your own thoughts. What in “{section}” could you explain to a friend, and what not yet?",
    "Before we go on: what in “{section}” surprised you, and what would you like to hear again?",
)
CHECKS = ("Let us see whether that has settled.", "Now a short question to you.", "Check for yourself.")


def opening(page: LessonPage) -> str:
    """The words with which the class comes to this page."""
    title = page.title.rstrip(" .:") or "the next page"
    before = page.lesson.pages.filter(ordinal__lt=page.ordinal).order_by("-ordinal").first()
    if before is None:
        return _welcome(page, title)
    if before.title == page.title:
        return f"We stay with “{title}”."
    other = page.material_id != before.material_id and page.material is not None
    if other or (_GENERIC.match(title) and page.material is not None):
        return f"We go on with “{page.material}”." if other else f"First, the {lower(title)}."
    if _SUMS_UP.match(title):
        return "Let us sum up."
    if page.ordinal == 2 and title.casefold() == str(page.material or "").casefold():
        return "Let us begin."
    if _EXAMPLE.match(title):
        return "Let us work through an example."
    if _TASK.match(title):
        return f"Now it is your turn: “{title}”."
    if title.lower().startswith(("why ", "how ", "which ", "when ")):
        return f"Now we ask {lower(title).rstrip('?')}."
    if re.search(r"\bor\b|\bversus\b|\bvs\b", title) and not is_sentence(title):
        return f"The question is now: {lower(title).rstrip('?')}?"
    if is_sentence(title) and not title.lower().startswith("what "):
        return f"Our next point: “{title}”."
    here, there = _inside(title), _inside(before.title.rstrip(" .:"))
    plain = not _EXAMPLE.match(before.title) and not _GENERIC.match(before.title)
    if before.section == page.section and there and here and plain and page.ordinal % 3 == 0:
        return f"From {there} we go on to {here}."
    return FRAMES[page.ordinal % len(FRAMES)].format(now=here or f"“{title}”")


def _welcome(page: LessonPage, title: str) -> str:
    if _GENERIC.match(title):
        title = str(page.material or page.lesson)
    title = _LABEL.sub("", title).rstrip("?")
    if title.lower().startswith(("why ", "how ", "what ", "when ", "which ")):
        return f"Welcome. This lesson asks {lower(title)}."
    return f"Welcome. This lesson is about {lower(title) if ' ' not in title else _inside(title) or f'“{title}”'}."


def _inside(title: str) -> str:
    """A title as it stands inside a sentence, where it can; "" where it has to be quoted."""
    words = tokens(title)
    if title.lower().startswith("what "):
        return lower(title).rstrip("?")
    if not words or ":" in title or "(" in title or is_sentence(title):
        return ""
    head = re.split(r"\s+(?:of|in|on|for|from|with|between|as|to)\b", title)[0].split()[-1]
    whole = (
        words[0].low in DETERMINERS
        or words[0].low.endswith("ing")
        or looks_plural(head)
        or head.lower().endswith(("ing", "ion", "ity", "ness"))
    )
    return lower(title) if whole else ""


def ends_section(page: LessonPage) -> bool:
    """Whether the page ends the lesson, or a section of more than one page."""
    after = page.lesson.pages.filter(ordinal__gt=page.ordinal).order_by("ordinal").first()
    if after is None:
        return True
    before = page.lesson.pages.filter(ordinal__lt=page.ordinal).order_by("-ordinal").first()
    return after.section != page.section and before is not None and before.section == page.section


def discussion(page: LessonPage) -> str:
    """What is asked where the class pauses to talk."""
    if not page.lesson.pages.filter(ordinal__gt=page.ordinal).exists():
        return "That was the last page. What would you still like to ask, or to say in your own words?"
    sections = dict.fromkeys(tuple(row.section) for row in page.lesson.pages.order_by("ordinal"))
    at = [*sections].index(tuple(page.section))
    return DISCUSSIONS[at % len(DISCUSSIONS)].format(section=page.section[-1] if page.section else page.title)


def before_quiz(page: LessonPage) -> str:
    """The words that lead to a quiz question."""
    return CHECKS[page.ordinal % len(CHECKS)]
