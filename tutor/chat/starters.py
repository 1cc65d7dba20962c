"""Questions to start with that the material is known to answer: made from its statements, each asked before it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, pairwise, zip_longest

from django.core.cache import cache
from django.db import transaction
from django.db.models import Max

from courses.models import Course, Material, Passage
from tutor.accounts.models import User
from tutor.chat import finding
from tutor.chat.feedback import words
from tutor.chat.models import Starter
from tutor.jobs import State
from tutor.llm.models import Endpoint

OFFERED = 5
KEPT = 8  # some may become unreadable before the material changes: a release date, a hidden file
TRIED = 40  # candidates that are put to the test, at most
A_MATERIAL = 12  # candidates taken of one material

NOT_A_SUBJECT = frozenset(
    re.findall(
        r"\w+",
        "this that these those it they we you he she there here one some many most each every all both such another "
        "other others "
        "and but so if when while where as in on at for with by to from after before because since although though however thus "
        "hence then first second third next finally also what which who how why not no any more less note example examples "
        "figure table slide page chapter section lecture answer question exercise problem solution step now let our its their "
        "his her my your following result same way thing things reason",
    )
)
INSIDE = frozenset(
    re.findall(
        r"\w+",
        "that which who how what is are was were be can will has have does do than if when because or comes",
    )
)
ARTICLES = frozenset(("the", "a", "an"))
JOINING = frozenset(("of", "in", "for", "to", "and", "from", "between", "on", "over", "with", "at", "by"))
GENERIC = re.compile(
    r"^(introduction|summary|overview|outline|contents|agenda|exercises?|problems?|references?|conclusions?|key terms|"
    r"learning (objectives|outcomes)|examples?|notes?|slides?|lecture|chapter|part|section|appendix|answers?|solutions?|"
    r"staff answer|questions?|review|homework|recap|next|today|exploring|try it|concepts in practice|checkpoint|"
    r"group activity)\b",
    re.IGNORECASE,
)
SUBJECT = r"(?P<subject>(?:(?:the|an?)\s+)?[A-Za-z][\w'’-]*(?:\s+[\w'’-]+){0,5})"
DEFINED = re.compile(
    rf"^{SUBJECT}\s+(?P<verb>is|are)\s+(?:defined\s+as\s+)?(?:called\s+)?(?:an?|the|one)\s+\w+\s+\w+",
    re.IGNORECASE,
)
CALLED = re.compile(
    r"\b(?P<verb>is|are)\s+(?:called|known\s+as)\s+(?P<subject>(?:(?:the|an?)\s+)?[a-z][a-z-]*(?:\s[a-z-]+){0,2})[.,;]?$",
    re.IGNORECASE,
)
DOES = {
    "means": "mean", "measures": "measure", "describes": "describe", "estimates": "estimate", "depends on": "depend on",
    "consists of": "consist of", "refers to": "refer to", "causes": "cause", "reduces": "reduce", "shows": "show",
    "determines": "determine", "contains": "contain", "tells": "tell us", "represents": "represent",
    "grows with": "grow with", "increases with": "increase with",
}  # fmt: skip
ACTING = re.compile(
    rf"^{SUBJECT}\s+(?P<verb>{'|'.join(verb.replace(' ', chr(92) + 's+') for verb in DOES)})\s+\w+",
    re.IGNORECASE,
)


def question_about(statement: str, text: str) -> str:
    """A question that a statement answers, or "". `text` shows which words are written in lower case."""
    statement = " ".join(statement.split())
    for pattern in (DEFINED, ACTING):
        found = pattern.match(statement)
        if found and (subject := _subject(found["subject"], text)):
            verb = " ".join(found["verb"].lower().split())
            if verb in ("is", "are"):
                return f"What {verb} {subject}?"
            return f"What does {subject} {DOES[verb]}?"
    found = CALLED.search(statement)
    if found and (subject := _subject(found["subject"], text)):
        return f"What {found['verb']} {subject}?"
    return ""


def question_on(heading: str, text: str) -> str:
    """A question about what a heading names, or ""."""
    heading = re.sub(r"^[\d.\s]+|[:.\s]+$", "", " ".join(heading.split()))
    parts = heading.lower().split()
    if heading.endswith("?") and 3 <= len(parts) <= 12:
        return heading
    if heading.lower().startswith("how to ") and len(parts) <= 9:
        return f"How do you {heading[7:]}?"
    if (
        GENERIC.match(heading)
        or not 1 <= len(parts) <= 6
        or re.search(r"[$\\=<>|:()?,]", heading)
        or INSIDE & set(parts)
    ):
        return ""
    if parts[0] in ARTICLES or parts[0].endswith("ing"):
        return f"Can you explain {_lower(heading, text)}?"
    named = re.search(rf"\b(?:an?|the|of|each|every)\s+{re.escape(parts[0])}\b", text, re.IGNORECASE)
    if not named:
        return ""  # "Choose a window" is not a thing
    if parts[-1].endswith("s") and not parts[-1].endswith("ss"):
        return f"Can you explain {_lower(heading, text)}?"
    return f"Can you explain “{heading}”?"  # one thing, which would need an article


def _subject(phrase: str, text: str) -> str:
    """The subject as it stands inside a sentence, or "" where it is none on its own."""
    parts = phrase.lower().split()
    nouns = parts[1:] if parts[0] in ARTICLES else parts
    if not nouns or not 1 <= len(nouns) <= 5 or nouns[0] in NOT_A_SUBJECT or INSIDE & set(nouns):
        return ""
    if any(word in ARTICLES and before not in JOINING for before, word in pairwise(nouns)):
        return ""  # "assume a cup"
    if (
        len(nouns[-1]) < 3
        or nouns[-1] in NOT_A_SUBJECT
        or nouns[-1].endswith("ly")
        or any(word.isdigit() for word in nouns)
    ):
        return ""
    return _lower(phrase, text)


def _lower(phrase: str, text: str) -> str:
    """The words as they stand inside a sentence: with a small first letter, unless they are a name."""
    first, *rest = phrase.split()
    if first.lower() in ARTICLES:
        return " ".join([first.lower(), *rest])
    title = not first[1:].islower() or any(word[0].isupper() for word in rest) or re.search(r"['’]s?$", first)
    named = len(re.findall(rf"(?<=[a-z,;] ){re.escape(first)}\b", text))
    plain = len(re.findall(rf"\b{re.escape(first.lower())}\b", text))
    return phrase if len(first) > 1 and (title or named > plain) else " ".join([first.lower(), *rest])


def _vague(question: str) -> bool:
    """Whether a question could be asked in any course: "What is the period?"."""
    return (
        bool(re.fullmatch(r"What (?:is|are|does) the \w+(?: \w+)?\?", question))
        and len(question.split()) <= 4
    )


def candidates(course: Course) -> Iterator[tuple[str, Passage]]:
    """Questions with the passage that should answer them: the staff's own first, then each material in turn."""
    passages = Passage.objects.for_agent(course).select_related("material")
    pinned = [
        (str(passage.material.meta.get("question", "")), passage)
        for passage in passages.filter(pinned=True).order_by("-pk")[:2]
    ]
    materials = Material.objects.filter(course=course, origin=Material.Origin.UPLOAD).released().current()
    yield from ((question, passage) for question, passage in pinned if question)
    by_material = (
        _of_material(list(passages.filter(material=row).order_by("ordinal")[:400])) for row in materials
    )
    seen: set[frozenset[str]] = set()
    for found in chain.from_iterable(zip_longest(*by_material)):
        if found and (about := frozenset(words(found[0]))) not in seen:
            seen.add(about)
            yield found


def _of_material(passages: list[Passage]) -> Iterator[tuple[str, Passage]]:
    text = "\n".join(passage.text for passage in passages)
    definitions, headings = [], []
    for passage in passages:
        for statement in passage.propositions.order_by("ordinal"):
            question = question_about(statement.text, text)
            if question:
                definitions.append((question, passage))
                break
        if passage.heading_path:
            question = question_on(str(passage.heading_path[-1]), text)
            if question:
                headings.append((question, passage))
        if len(definitions) >= A_MATERIAL:
            break
    definitions.sort(key=lambda found: _vague(found[0]))
    yield from (definitions + headings)[:A_MATERIAL]


def answered(course: Course, question: str, passage: Passage) -> bool:
    """Whether the agent would answer the question, to any student, and from the material it was made of."""
    request = finding.Request(
        course=course,
        user=None,
        question=question,
        history=[],
        endpoint=Endpoint(),
        passages=Passage.objects.for_agent(course),
    )
    found = finding.look(request, question)
    return found.answers and any(hit.passage.material_id == passage.material_id for hit in found.hits[:2])


def make_starters(course: Course) -> int:
    """Replace the course's starter questions by ones that hold for its material as it is now; gives their number."""
    version = course.index_version
    chosen: list[tuple[str, Passage]] = []
    for tried, (question, passage) in enumerate(candidates(course)):
        if tried >= TRIED or len(chosen) >= KEPT:
            break
        if len(question) <= 200 and answered(course, question, passage):
            chosen.append((question, passage))
    with transaction.atomic():
        Course.objects.select_for_update().get(pk=course.pk)
        course.starters.all().delete()
        Starter.objects.bulk_create(
            Starter(course=course, passage=passage, question=question, ordinal=ordinal, index_version=version)
            for ordinal, (question, passage) in enumerate(chosen)
        )
    cache.set(_key(course), version, None)
    return len(chosen)


def _key(course: Course) -> str:
    return f"starters:{course.pk}"


def is_outdated(course: Course) -> bool:
    """Whether the material has changed since the starter questions were made, or looked for in vain."""
    made: int | None = course.starters.aggregate(version=Max("index_version"))["version"]
    return course.index_version != (cache.get(_key(course)) if made is None else made)


def refresh_outdated() -> int:
    """Make starter questions for the courses whose material has changed and is read; gives how many were done."""
    done = 0
    for course in Course.objects.filter(archived=False, passages__isnull=False).distinct():
        reading = course.materials.filter(state__in=(State.QUEUED, State.RUNNING)).exists()
        if is_outdated(course) and not (reading and course.starters.exists()):
            make_starters(course)
            done += 1
    return done


def starters_for(course: Course, user: User, *, as_student: bool) -> list[Starter]:
    """Starter questions whose answers the user may read. What is outdated is made anew, in the background."""
    from tutor.chat.tasks import refresh_starters

    readable = Passage.objects.readable_by(user, course, as_student=as_student)
    rows = course.starters.filter(passage__in=readable).select_related("passage__material")
    if is_outdated(course) and cache.add(f"{_key(course)}:asked", True, 60):
        refresh_starters.delay()
    return list(rows[:OFFERED])
