"""Questions about the course itself, which its own rows answer: what it is about, where to begin, who teaches it."""

from __future__ import annotations

import re

from courses.models import Course, Enrolment, Material, PassageQuerySet, Role
from tutor.chat.smalltalk import GREETED

COURSE = r"(?:(?:this|the|our|your)\s+(?:course|class|module|lectures?|lecture\s+series))"
TOPICS = re.compile(
    rf"^\W*(?:what(?:['’]s|\s+is)\s+{COURSE}\s+(?:all\s+)?about"
    rf"|(?:what|which)\s+(?:topics|subjects|themes|chapters|things)\s+(?:does|do|are|is|can|will)\b.*"
    rf"(?:{COURSE}|\byou\b|\bwe\b|\bI\b|covered).*"
    rf"|what\s+(?:does|will)\s+{COURSE}\s+(?:cover|teach)(?:\s+\w+)?"
    rf"|what\s+(?:do|will|can|should)\s+(?:I|we)\s+learn(?:\s+(?:in|from)\s+{COURSE}|\s+here)?"
    rf"|(?:give\s+(?:me\s+)?)?an?\s+overview\s+of\s+{COURSE}|summari[sz]e\s+{COURSE}|how\s+many\s+(?:lectures|materials|files)\b.*)\W*$",
    re.IGNORECASE,
)
FIRST = re.compile(
    rf"^\W*(?:what|where|which\b.*)\s+(?:should|do|can|must|shall|to)\s*(?:(?:I|we)\s+)?(?:read|start|begin|study|learn|look\s+at)"
    rf"(?:\s+(?:with|at|reading|learning|studying))?(?:\s+first)?(?:\s+(?:in|with)\s+{COURSE})?\W*$",
    re.IGNORECASE,
)
WHO = re.compile(
    rf"^\W*who(?:['’]s|\s+is|\s+are)?\s+(?:(?:teach(?:es|ing)|giv(?:es|ing)|runn?(?:s|ing)|hold(?:s|ing)|lead(?:s|ing))\s+{COURSE}"
    rf"|(?:the|my|our)\s+(?:teachers?|lecturers?|instructors?|professors?|tutors?)(?:\s+(?:of|in|for)\s+{COURSE})?)\W*$",
    re.IGNORECASE,
)
NAMED = re.compile(
    r"\b(?:Dr|Prof|Professor|Mr|Ms|Mrs)\b|\b(?:[Bb]y|[Ll]ecturer|[Ii]nstructor|is|are)\W+[A-Z]\w+ [A-Z]\w+"
)
LISTED = 12  # titles


def reply(question: str, course: Course, passages: PassageQuerySet) -> str:
    """What the course's rows say to a question about the course itself, "" for any other question.

    `passages` is the access-filtered queryset: only what it lets through is named.
    """
    question = GREETED.sub("", question)
    if TOPICS.match(question):
        return _topics(course, passages)
    if FIRST.match(question):
        return _first(course, passages)
    return _who(course) if WHO.match(question) else ""


def _titles(course: Course, passages: PassageQuerySet) -> list[str]:
    readable = passages.order_by().values("material")
    rows = Material.objects.filter(course=course, pk__in=readable, origin=Material.Origin.UPLOAD)
    return list(dict.fromkeys(rows.values_list("title", flat=True)))


def _topics(course: Course, passages: PassageQuerySet) -> str:
    titles = _titles(course, passages)
    if not titles and not course.description:
        return ""
    said = f"This course is “{course.title}”. {course.description}".strip()
    shown = "".join(f"\n- {title}" for title in titles[:LISTED])
    more = f"\n- … and {len(titles) - LISTED} more" if len(titles) > LISTED else ""
    return f"{said}\n\nIts material:\n{shown}{more}" if titles else said


def _first(course: Course, passages: PassageQuerySet) -> str:
    titles = _titles(course, passages)
    if not titles:
        return ""
    then = f", then “{titles[1]}”" if len(titles) > 1 else ""
    return f"The course’s material begins with “{titles[0]}”{then}. Nothing else is known to me about the order of reading."


def _who(course: Course) -> str:
    rows = Enrolment.objects.filter(course=course, role=Role.INSTRUCTOR).select_related("user")
    names = [row.user.name for row in rows if row.user.name]
    return f"This course is taught by {' and '.join(names)}." if names else ""


def names_nobody(question: str, text: str) -> bool:
    """Whether a question is after the course's teachers, and the text names no person."""
    return bool(WHO.match(question)) and not NAMED.search(text)
