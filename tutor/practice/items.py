"""Quiz items out of passages: questions whose answer one statement of the material settles. No language model takes part.

Every item rests on a statement that the verifier supports. A wrong option is another concept or statement of the same
course, and only one with which the verifier does not support the statement.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from heapq import nlargest
from itertools import zip_longest

from django.db import transaction
from django.db.models import Q

from courses.models import Course, Material, Passage
from courses.verification import SUPPORTED, verify_all
from courses.verification.vectors import vectors_of
from courses.wording import bag
from tutor.chat.starters import DOES, question_about
from tutor.practice.models import Item, Skill
from tutor.practice.quantities import Quantity, quantities
from tutor.practice.statements import (
    PRONOUNS,
    Statement,
    cased,
    concepts,
    content,
    is_indefinite,
    names_concept,
    statements,
    stems,
)

WRONG_OPTIONS = 3
FEWEST = 2  # wrong options below which there is no item
TOO_NEAR = 0.85  # cosine from which two options may mean the same
LIKELY = 0.5  # score of the verifier from which a wrong option may be right
EVIDENCE = 6  # passages a wrong option is checked against
SAME_LENGTH = (0.4, 2.5)  # a wrong option's length, in lengths of the right one
ACTING = re.compile(rf"^(?:{'|'.join(DOES)})\s+(?P<object>.+)$", re.IGNORECASE)
HAS = re.compile(r"^(?:has|have) an? (?P<what>[a-z]+(?: [a-z]+)?) of (?P<number>[^,]+)$")
SPECIFIC = 4  # content words from which a predicate fits one concept only
BULLET = re.compile(r"(?:[-*•‣▪◦–·]|\(?(?:\d{1,3}|[a-z])[.)])\s+")  # before a quote, in a list
GAP = "____"
PERMITTING = bag("can could may might")  # what one concept may do, others may too


@dataclass
class Survey:
    """What questions and wrong options are taken from: all that the course's students may read."""

    statements: list[Statement]
    names: dict[str, str]  # concept -> as it stands inside a sentence
    text: str
    by_term: dict[str, list[Statement]] = field(default_factory=dict)
    about: dict[int, tuple[Passage, frozenset[str]]] = field(default_factory=dict)  # passages and their words

    shown: dict[str, str] = field(default_factory=dict)  # concepts with the capitals of names

    def __post_init__(self) -> None:
        self.shown = {term: cased(term, self.text) for term in self.names}
        self.names = {term: name.replace(term, self.shown[term]) for term, name in self.names.items()}
        for row in self.statements:
            self.by_term.setdefault(row.term, []).append(row)
            if row.passage.pk not in self.about:
                self.about[row.passage.pk] = row.passage, content(row.passage.text)


@dataclass(frozen=True)
class Draft:
    """An item before it is a row."""

    kind: str
    prompt: str
    answer: str
    source: Statement
    skill: str
    options: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()


def make(course: Course, passages: Sequence[Passage], limit: int) -> list[Item]:
    """Make and save up to `limit` ready items about the passages, spread over them; what is there already is given again.

    Passages that students may not read are left out. An item that was retired is not made again.
    """
    material = survey(course)
    readable = Passage.objects.for_agent(course).filter(pk__in=[passage.pk for passage in passages])
    pks = {row.pk for row in readable}
    order = [passage.pk for passage in passages if passage.pk in pks]
    mine: dict[int, list[Statement]] = {pk: [] for pk in order}
    for row in material.statements:
        if row.passage.pk in mine:
            mine[row.passage.pk].append(row)
    streams = [drafts(rows, material) for rows in mine.values()]
    found: list[Item] = []
    for draft in _in_turn(streams):
        item = _save(course, draft)
        if item is not None and item not in found:
            found.append(item)
        if len(found) >= limit:
            break
    return found


def survey(course: Course) -> Survey:
    """The statements and concepts of all that students of the course may read today."""
    readable = Material.objects.filter(course=course).released().current()
    version = Course.objects.values_list("index_version", flat=True).get(pk=course.pk)
    return _survey(
        course.pk, (course.created, version), tuple(readable.order_by("pk").values_list("pk", flat=True))
    )


@lru_cache(2)
def _survey(course: int, version: tuple[datetime, int], materials: tuple[int, ...]) -> Survey:
    rows = list(
        Passage.objects.filter(course=course, material__in=materials)
        .select_related("material__course", "material__extract")
        .prefetch_related("propositions")
        .order_by("material__position", "material", "ordinal")
    )
    text = "\n".join(passage.text for passage in rows)
    found = [statement for passage in rows for statement in statements(passage, text)]
    headings = [str(heading) for passage in rows for heading in passage.heading_path]
    return Survey(found, concepts(found, headings, text), text)


def _in_turn(streams: Sequence[Iterator[Draft]]) -> Iterator[Draft]:
    """One of each in turn, lazily."""
    for row in zip_longest(*streams):
        yield from (draft for draft in row if draft is not None)


def drafts(rows: Sequence[Statement], material: Survey) -> Iterator[Draft]:
    """The items that the statements of one passage allow, best first: each statement once before any twice."""
    supported = [row for row in rows if _is_supported(row)]
    forms: list[Callable[[Statement, Survey], Draft | None]] = [which, what, gap, name, explain]
    later: list[Iterator[Draft]] = []
    for row in supported:
        made = [draft for form in forms if (draft := form(row, material)) is not None]
        turn = _digest(row.text)[0] % 2 if len(made) > 1 else 0
        later.append(iter(made[turn:] + made[:turn]))
    yield from _in_turn(later)


def _is_supported(row: Statement) -> bool:
    return verify_all([row.text], [row.passage.text])[0].verdict == SUPPORTED


# Forms ---------------------------------------------------------------------------------------------------------------


def which(row: Statement, material: Survey) -> Draft | None:
    """ "Which of these describes one reading?": the concept is to be chosen."""
    if row.term not in material.names or row.limited or row.defines or len(content(row.predicate)) < 2:
        return None
    said = stems(f"{row.leader} {row.predicate}")
    if stems(row.term) & said or row.verb in PERMITTING or _is_of_one_case(row):
        return None
    if row.verb in ("is", "are") and quantities(row.predicate):
        return None
    proper = material.shown[row.term] != row.term
    contrasts = {other.term for other in material.statements if _contrasts(other, row)}
    others = {
        named: row.with_subject(named)
        for term, named in material.names.items()
        if _is_plural(term, material) == row.plural
        and (material.shown[term] != term) == proper
        and not stems(term) & said
        and (term in contrasts or not stems(term) & stems(row.term))
        and not (stems(term) <= stems(row.term) or stems(row.term) <= stems(term))
    }
    answer = material.names[row.term]
    options = choose(answer, others, row, material)
    told_apart = len(content(f"{row.leader} {row.predicate}")) >= SPECIFIC or any(
        material.names.get(term) in options for term in contrasts
    )
    if not options or not told_apart:
        return None
    start = f"{row.leader}, which" if row.leader else "Which"
    return Draft(
        Item.Kind.CHOICE, f"{start} of these {row.predicate}?", answer, row, material.shown[row.term], options
    )


def what(row: Statement, material: Survey) -> Draft | None:
    """ "What does the standard error describe?": what is said of the concept is to be chosen."""
    question = _question(row, material)
    if not question or (PRONOUNS & set(_said(row).lower().split()) and row.limited):
        return None
    answer = _said(row)
    verb = row.predicate[: len(row.predicate) - len(answer)].strip()
    others = {
        _said(other): f"{row.subject[:1].upper()}{row.subject[1:]} {verb} {_said(other)}."
        for other in material.statements
        if other.term in material.names
        and not (stems(other.term) <= stems(row.term) or stems(row.term) <= stems(other.term))
        and _alike(other, row)
        and not stems(_said(other)) & stems(row.term)
        and not PRONOUNS & set(_said(other).lower().split())
    }
    options = choose(answer, others, row, material)
    if not options or _gives_away(question, answer, options):
        return None
    return Draft(Item.Kind.CHOICE, question, answer, row, material.shown[row.term], options)


def gap(row: Statement, material: Survey) -> Draft | None:
    """A number that is to be given: "What breakdown point does the median have?", or else a gap to be filled."""
    if not names_concept(row, material.names) and not is_indefinite(row):
        return None
    skill = _skill_of(row, material)
    numbers = quantities(row.text)
    fit = [found for found in numbers if _can_be_asked(found, row.text)]
    if not fit or not skill:
        return None
    asked = fit[-1]
    if _is_of_one_case(row):
        return None
    if any(other is not asked and other.value == asked.value for other in numbers):
        return None
    written = row.text[asked.start : asked.end]
    had = HAS.match(row.predicate)
    if had and had["number"] == written and not row.leader:
        question = f"What {had['what']} {'do' if row.plural else 'does'} {row.subject} have?"
        return Draft(Item.Kind.SHORT, question, written, row, skill)
    figure = written[: len(written) - len(asked.unit)].strip()
    blank = row.text[: asked.start] + GAP + row.text[asked.start + len(figure) :]
    accepted = (written,) if written != figure else ()
    return Draft(
        Item.Kind.SHORT, f"Which number belongs in the gap? “{blank}”", figure, row, skill, accepted=accepted
    )


def _is_of_one_case(row: Statement) -> bool:
    """Whether something measured is told of one thing: "the trip time is 340 minutes", "the median of the five numbers"."""
    measured = any(found.kind not in ("", "share") for found in quantities(row.text))
    return (measured and not is_indefinite(row)) or (row.limited and " the " in row.subject)


def _can_be_asked(found: Quantity, text: str) -> bool:
    """Whether a number says something by itself: no part of a formula, no "one" or "two", no "a hundred"."""
    if found.spelled and not found.unit and found.value in (1, 2):
        return False
    before, after = text[: found.start], text[found.end :]
    if after.startswith(("'", "’")) or (
        not found.unit and re.fullmatch(r"(?:1[89]|20)\d\d", text[found.start : found.end])
    ):
        return False  # "0's and 1's"; a year
    return not (re.match(r"\s?[/*+−–√-]\s?\w", after) or re.search(r"(?:[/*+√=]\s?|\ba\s)$", before))


def name(row: Statement, material: Survey) -> Draft | None:
    """ "What is the term for …?": the concept is to be named."""
    if row.term not in material.names or not row.defines or row.limited:
        return None
    said = _said(row)
    if stems(row.term) & stems(said) or PRONOUNS & set(said.lower().split()) or len(content(said)) < 3:
        return None
    if not re.search(r"\b(?:that|which|who|of|in|where)\b", said):
        return None
    shown = material.shown[row.term]
    if shown != row.term and said.lower().startswith(("a ", "an ")):
        return None  # what a name is one of does not tell it from the others
    return Draft(
        Item.Kind.SHORT,
        f"What is the term for {said}?",
        shown,
        row,
        shown,
        (),
        short_forms(shown, material.text),
    )


def explain(row: Statement, material: Survey) -> Draft | None:
    """ "Explain in your own words: what is an outlier?"."""
    if (
        row.term not in material.names
        or not row.defines
        or len(content(_said(row)) - content(row.subject)) < 3
    ):
        return None
    question = _question(row, material)
    if not question:
        return None
    prompt = f"Explain in your own words: {question[:1].lower()}{question[1:]}"
    return Draft(Item.Kind.EXPLAIN, prompt, row.text, row, material.shown[row.term])


# Parts of forms ------------------------------------------------------------------------------------------------------


def _question(row: Statement, material: Survey) -> str:
    return question_about(row.text, material.text) if row.term in material.names and not row.leader else ""


def _said(row: Statement) -> str:
    """What is said of the concept, without the verb that the question repeats."""
    found = ACTING.match(row.predicate)
    return found["object"] if found else row.predicate.partition(" ")[2]


def _alike(other: Statement, row: Statement) -> bool:
    """Whether what another statement says could be an option beside what this one says."""
    if other.leader:
        return False
    if row.defines:
        return other.defines and other.plural == row.plural
    return ACTING.match(other.predicate) is not None and bool(ACTING.match(row.predicate))


def _contrasts(other: Statement, row: Statement) -> bool:
    """Whether two statements say different things of the same kind about different concepts."""
    shared = stems(other.predicate) & stems(row.predicate) - stems(row.verb)
    return (
        other.verb == row.verb
        and other.term != row.term
        and other.predicate != row.predicate
        and bool(shared)
    )


def _is_plural(term: str, material: Survey) -> bool:
    rows = material.by_term.get(term, [])
    return sum(row.plural for row in rows) * 2 > len(rows)


def _skill_of(row: Statement, material: Survey) -> str:
    """The concept that a statement is about: its subject, or else the longest that it mentions."""
    if row.term in material.names:
        return material.shown[row.term]
    named = [term for term in material.names if re.search(rf"\b{re.escape(term)}\b", row.text, re.IGNORECASE)]
    longest = max(named, key=lambda term: (len(term.split()), len(term)), default="")
    return material.shown.get(longest, "")


def short_forms(term: str, text: str) -> tuple[str, ...]:
    """Abbreviations by which the course itself calls a concept."""
    initials = "".join(word[0] for word in term.split()).upper()
    spaced = " ".join(initials)
    return tuple(form for form in (initials, spaced) if len(initials) > 1 and re.search(rf"\b{form}\b", text))


def choose(answer: str, others: dict[str, str], row: Statement, material: Survey) -> tuple[str, ...]:
    """The right answer among wrong options that are close to it and surely wrong, in an order that only chance made.

    others: option -> the claim that it would make. () where too few are left.
    """
    texts = [
        option
        for option in others
        if SAME_LENGTH[0] <= len(option) / len(answer) <= SAME_LENGTH[1] and option.lower() != answer.lower()
    ]
    if len(texts) < FEWEST:
        return ()
    vectors = vectors_of([answer, *texts])
    near = dict(zip(texts, (vectors[1:] @ vectors[0]).tolist(), strict=True))
    candidates = sorted(
        (text for text in texts if near[text] < TOO_NEAR), key=lambda text: (-near[text], text)
    )
    kept: list[str] = []
    for option in candidates[:12]:
        at = texts.index(option) + 1
        twin = any(float(vectors[at] @ vectors[texts.index(other) + 1]) >= TOO_NEAR for other in kept)
        if not twin and _is_wrong(others[option], row, material):
            kept.append(option)
        if len(kept) == WRONG_OPTIONS:
            break
    if len(kept) < FEWEST:
        return ()
    return tuple(sorted([answer, *kept], key=lambda option: _digest(row.text + option)))


def _is_wrong(claim: str, row: Statement, material: Survey) -> bool:
    """Whether nothing in the course that is near the claim supports it."""
    keys = content(claim)
    near = nlargest(EVIDENCE, material.about.values(), key=lambda held: len(keys & held[1]))
    evidence = [row.passage.text, *(passage.text for passage, _ in near if passage != row.passage)]
    found = verify_all([claim], evidence)[0]
    return found.verdict != SUPPORTED and (found.score < LIKELY or found.contradicted)


def _gives_away(question: str, answer: str, options: Sequence[str]) -> bool:
    """Whether the right option alone repeats words of the question."""
    asked = stems(question)
    echoes = {option for option in options if asked & stems(option)}
    return echoes == {answer}


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


# Saving --------------------------------------------------------------------------------------------------------------


def _save(course: Course, draft: Draft) -> Item | None:
    """The draft as a ready item, or the one that was made of it before; None if that was retired or is a draft."""
    source, passage = draft.source, draft.source.passage
    if not draft.skill:
        return None
    bullet = BULLET.match(passage.text, source.start, source.end)
    start, end = passage.start + (bullet.end() if bullet else source.start), passage.start + source.end
    with transaction.atomic():
        Course.objects.select_for_update().get(pk=course.pk)  # two makers at once make each item once
        edited = Q(passage=passage, start=start, end=end, kind=draft.kind, answer=draft.answer)
        there = Item.objects.filter(Q(prompt=draft.prompt) | edited, course=course).order_by("pk")
        if (item := there.select_related("skill", "passage").first()) is not None:
            return item if item.state == Item.State.READY else None
        skill, _ = Skill.objects.get_or_create(course=course, name=draft.skill[:120])
        skill.passages.add(passage)
        return Item.objects.create(
            course=course,
            skill=skill,
            kind=draft.kind,
            state=Item.State.READY,
            prompt=draft.prompt,
            options=list(draft.options),
            answer=draft.answer,
            accepted=list(draft.accepted),
            explanation=source.text,
            passage=passage,
            material=passage.material,
            quote=passage.text[start - passage.start : source.end],
            start=start,
            end=end,
        )
