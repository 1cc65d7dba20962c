"""What questions for a dataset are taken from: the statements that quiz items are made of, and those that name code, which a quiz
leaves out ("The `readline()` function reads the next line in a file."); no prefaces and other pages about the material itself."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Sequence
from dataclasses import replace

from courses.grammar import finite_verb, is_masked, is_plural, is_simple, tokens
from courses.models import Course, Passage
from courses.wording import bag
from tutor.practice.items import Survey, survey
from tutor.practice.statements import CASE, POINTING, PRONOUNS, Statement
from tutor.studio.exercises.blocks import blocks_of

SHORTEST, LONGEST = 25, 220  # characters of a statement
MOST_CODE = 3  # pieces of code in a statement
CODE = re.compile(r"`([^`\n]{1,40})`")
NAME = re.compile(r"\b[^\W\d]\w*\b")
BOUND = re.compile(
    r"(?:^[ \u00a0\t]*(?:def|class)[ \u00a0]+|^[ \u00a0\t]*(?=\w+[ \u00a0]*=[^=])|\bfor[ \u00a0]+)"
    r"([^\W\d]\w*)",
    re.MULTILINE,
)
NAMED = re.compile(r"[^\W\d][\w.]*(?:\(\))?|[^\w\s'\"\[\]]{1,3}|if-else|if-elif-else")
FIRST_MASK = 0xE000
BROKEN = re.compile(r"[$\\|`<>{}\[\]^√:;?_=]|https?:")
ABOUT_THE_MATERIAL = re.compile(
    r"^(?:preface|about\b|acknowledge?ments?|accessibility|contributors?|reviewers|answer(?:s| key)|index|references|"
    r"bibliography|further reading|copyright|licen[cs]e|chapter outline|learning objectives|contents|colophon|customization|"
    r"foreword|errata)",
    re.IGNORECASE,
)
IMPERATIVE = bag(
    """
    write print use create consider note see select define calculate enter run add make avoid assign choose give read find try
    convert return import open complete given suppose let imagine assume
    """
)


def studied(course: Course) -> Survey:
    """All that can be asked about, of what the course's students may read."""
    quiz = survey(course)
    passages = Passage.objects.for_agent(course).select_related("material__course", "material__extract")
    rows = list(
        passages.prefetch_related("propositions").order_by("material__position", "material", "ordinal")
    )
    left_out = {passage.pk for passage in rows if is_about_the_material(passage)}
    of_examples = names_in_programs(rows)
    plain = [
        _with_capitals(row)
        for row in quiz.statements
        if row.passage.pk not in left_out and not _commands(row)
    ]
    coded = [
        row
        for passage in rows
        if passage.pk not in left_out
        for row in statements_with_code(passage)
        if not of_examples & set(NAME.findall(" ".join(CODE.findall(row.text))))
    ]
    names = quiz.names | {row.term: row.subject for row in coded if row.term}
    order = {passage.pk: number for number, passage in enumerate(rows)}
    found = sorted([*plain, *coded], key=lambda row: (order.get(row.passage.pk, 0), row.start))
    return Survey(found, names, quiz.text)


def is_about_the_material(passage: Passage) -> bool:
    """Whether a passage tells of the book or its makers rather than of the subject."""
    path = [str(part) for part in passage.heading_path]
    return any(ABOUT_THE_MATERIAL.match(part) for part in [passage.material.title, *path])


def names_in_programs(passages: Sequence[Passage]) -> frozenset[str]:
    """What the material's own programs define: a name that means something in one example only."""
    found: set[str] = set()
    for passage in passages:
        for start, end in blocks_of(passage, "code"):
            found |= set(BOUND.findall(passage.text[start:end]))
    return frozenset(found) - set(dir(builtins)) - set(keyword.kwlist) - {"self", "cls", "solution"}


def statements_with_code(passage: Passage) -> list[Statement]:
    """The claims of a passage that name code and can be told into subject and predicate."""
    if any(CASE.search(str(part)) for part in [passage.material.title, *passage.heading_path]):
        return []
    programs = blocks_of(passage, "code")
    found = []
    for row in passage.propositions.all():
        if any(start <= row.start < end for start, end in programs):
            continue
        statement = cut_up(row.text, passage, row.start, row.end)
        if statement is not None:
            found.append(statement)
    return found


def cut_up(claim: str, passage: Passage, start: int, end: int) -> Statement | None:
    """The parts of a claim that names code; None where they are not certain."""
    text = " ".join(claim.split())
    if not SHORTEST <= len(text) <= LONGEST or not text.endswith(".") or "`" not in text:
        return None
    codes = CODE.findall(text)
    if not 1 <= len(codes) <= MOST_CODE:
        return None
    numbers = iter(range(FIRST_MASK, FIRST_MASK + len(codes)))
    masked = CODE.sub(lambda _: chr(next(numbers)), text)[:-1]
    low = re.findall(r"[\w’']+", masked.lower())
    if (
        BROKEN.search(masked)
        or (POINTING - {"next"}) & set(low)
        or (low and low[0] in PRONOUNS | IMPERATIVE | {"we", "you"})
    ):
        return None
    parts = tokens(masked)
    verb = finite_verb(parts)
    if not verb or not is_simple(parts[:verb]) or parts[0].low in ("if", "when", "for", "in", "with"):
        return None
    if not all(
        NAMED.fullmatch(codes[ord(char) - FIRST_MASK])
        for char in masked[: parts[verb].start]
        if is_masked(char)
    ):
        return None  # a value or a call of an example
    cut = parts[verb - (parts[verb - 1].low in ("always", "never", "often", "usually", "only"))].start
    subject, predicate = masked[:cut].strip(), masked[cut:].strip()
    if len(predicate.split()) < 3 or not any(is_masked(char) for char in subject):
        return None
    first, _, rest = subject.partition(" ")
    if first.lower() == "using":
        return None
    shown = f"{first.lower()} {rest}" if first.lower() in ("the", "a", "an") else subject

    def unmasked(words: str) -> str:
        return "".join(f"`{codes[ord(char) - FIRST_MASK]}`" if is_masked(char) else char for char in words)

    bare = re.sub(r"^(?:the|an?) ", "", unmasked(shown))
    term = bare if len(bare.split()) <= 4 else ""
    plural = bool(is_plural(subject)) if not is_masked(subject.split()[-1]) else False
    return Statement(passage, text, start, end, "", unmasked(shown), unmasked(predicate), plural, term)


def _with_capitals(row: Statement) -> Statement:
    """ "kaggle Kernels" as it is written: a name of several words begins with a capital."""
    first, _, rest = row.subject.partition(" ")
    if (
        rest[:1].isupper()
        and first.lower() not in ("a", "an", "the")
        and row.text[: len(first)].lower() == first.lower()
    ):
        return replace(row, subject=f"{row.text[: len(first)]} {rest}")
    return row


def _commands(row: Statement) -> bool:
    """Whether the "subject" is a command: "Write function | calls that …"."""
    return bool(row.subject) and row.subject.split()[0].lower() in IMPERATIVE
