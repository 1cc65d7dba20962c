"""Turning a statement into a question that it answers: by its verb, its condition, its reason, its number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from courses.grammar import MODALS, third_person, verbs
from courses.wording import bag
from tutor.chat.starters import DOES
from tutor.practice.items import Survey
from tutor.practice.quantities import quantities
from tutor.practice.statements import PRONOUNS, Statement, content, is_indefinite

# What everything does, so that a question about it asks for nothing in particular; and what one case is told of.
GENERAL = bag(
    """
    program programs programmer programmers user users developer developers people code book section company student students
    file response answer line value output input example result print statement screen time case
    """
)
AGENTS = bag(
    """
    function method operator keyword statement command module library attribute parameter argument property expression operators
    functions methods keywords statements mode specifier filter estimator interpreter loop test
    """
)
STATIVE = bag(
    "includes include contains contain consists consist needs need begins begin inherits inherit maps means"
)
BE = ("is", "are", "was", "were")
CONDITION = re.compile(
    r"^(?P<main>[^,]{4,90}?) (?P<word>when|if|whenever|once|before|after) (?P<rest>[^,;]{8,120})\.$"
)
REASON = re.compile(r"^(?P<main>[^,;]{4,110}?),? because (?P<rest>[^;]{8,150})\.$")
WITH = re.compile(
    r"^(?P<aux>is|are|can be|may be|must be|should be) (?P<done>[a-z]+(?:ed|en|de|lt|wn|ne|ut)) "
    r"(?P<prep>of|from|with|into|to|by|as|on|for) (?P<rest>[^,;:()]{4,70})\.$"
)
BY_MEANS = re.compile(
    r"^(?P<aux>is|are|can be|may be|must be|should be) (?P<done>[a-z]+(?:ed|en|de|lt|wn|ne|ut)) "
    r"(?P<how>(?:by [a-z]+ing|using|with the) [^;:()]{4,110})\.$"
)
CALLED = re.compile(r"^(?P<be>is|are) (?:also )?(?:called|known as|named) (?P<name>[^,;:()]{3,40})\.$")
COUNTED = re.compile(
    r"^(?P<verb>[a-z]+) (?:with |of )?(?:about |over |at least |more than |only |exactly )?"
    r"(?P<number>\S+) (?P<what>[a-z][a-z -]{2,30}s)\b"
)


@cache
def _bases() -> dict[str, str]:
    return {third_person(verb): verb for verb in sorted(verbs()[0])}


def base_of(verb: str) -> str:
    """ "reads" -> "read"; "" for what is no verb in -s that is known."""
    return _bases().get(verb, "")


def askable(row: Statement, material: Survey) -> bool:
    """Whether the statement's subject is understood by itself: a concept or code that has a name, and not "the file" of some
    example."""
    words = row.subject.lower().split()
    if (
        not words
        or row.leader
        or len(words) > 7
        or PRONOUNS & set(words)
        or ("`" in row.subject and not row.term)
    ):
        return False
    if "`" not in row.subject and row.term not in material.names:
        return False
    last = row.term.lower().split()[-1:] if row.term else words[-1:]
    if len(row.term.split()) <= 1 and GENERAL & set(last):
        return False
    if words[0] == "the" and not row.plural and "`" not in row.subject and not row.limited:
        return not is_one_of_many(row.term, material.text)
    return True


@cache
def is_one_of_many(term: str, text: str) -> bool:
    """Whether "the …" points at one of several: the text also speaks of "a …"."""
    follows = r"(?=[.,;:)]|\s+(?:is|are|of|in|that|which|for|to|with|from|can|has|and|or|as|on|by|when)\b)"
    return bool(re.search(rf"\b(?:an?|each|every|another)\s+{re.escape(term)}{follows}", text, re.IGNORECASE))


def definition(row: Statement) -> str:
    """ "What is a list?" for what defines it, else ""."""
    return f"What {row.verb} {row.subject}?" if row.defines and row.verb in BE else ""


def questions(row: Statement, material: Survey) -> Iterator[tuple[str, str]]:
    """The questions of a statement about a subject, each with how it was made; best first."""
    if asked := definition(row):
        yield asked, "a definition in the material"
    for form in (_called, _when, _number, _with_what, _does):
        if asked := form(row):
            yield asked, FORMS[form.__name__]
    if asked := subject_of(row, material):
        yield asked, "a statement, asked for its subject"


FORMS = {
    "_called": "a sentence that names something",
    "_when": "a sentence that says when",
    "_number": "a sentence that says how many",
    "_with_what": "a sentence that says with what",
    "_does": "a sentence that says what something does",
}


def _called(row: Statement) -> str:
    found = CALLED.match(row.predicate if row.predicate.endswith(".") else f"{row.predicate}.")
    return f"What {found['be']} {row.subject} called?" if found else ""


def _front(row: Statement, main: str) -> str:
    """ "is defined" -> "is a function defined"; "occurs" -> "does a round-off error occur"; "" where it cannot be done."""
    verb, _, rest = main.partition(" ")
    verb = verb.lower()
    if verb in BE or verb in MODALS:
        return f"{verb} {row.subject} {rest}".strip() if rest else ""
    if verb in ("has", "have", "do", "does"):
        return ""
    if row.plural:
        return f"do {row.subject} {verb} {rest}".strip() if verb in verbs()[0] else ""
    base = base_of(verb)
    return f"does {row.subject} {base} {rest}".strip() if base else ""


def _when(row: Statement) -> str:
    found = CONDITION.match(_ended(row.predicate))
    if not found or row.defines or row.verb == "cannot" or PRONOUNS & set(found["main"].lower().split()):
        return ""
    if re.search(r" (?:to|called|used) ", f" {found['main']} "):
        return ""  # the condition may belong to what comes before it
    asked = _front(row, found["main"])
    return f"When {asked}?" if asked and not asked.endswith((" and", " or", " of", " only", " even")) else ""


def why(row: Statement) -> str:
    """ "Why are lists mutable?" for a statement that gives a reason, else ""."""
    found = REASON.match(_ended(row.predicate))
    if not found or PRONOUNS & set(found["main"].lower().split()):
        return ""
    asked = _front(row, found["main"])
    return f"Why {asked}?" if asked else ""


def _number(row: Statement) -> str:
    found = COUNTED.match(row.predicate)
    if (
        not found
        or not quantities(f"{found['number']} {found['what']}")
        or found["number"].lower() in ("a", "an", "one")
    ):
        return ""
    what = found["what"]
    rest = row.predicate[found.end() :].strip(" .")
    if rest or len(what.split()) > 4:
        return ""
    front = _front(row, found["verb"])
    with_ = " with" if f"{found['verb']} with " in row.predicate else ""
    return f"How many {what} {front}{with_}?" if front else ""


def _with_what(row: Statement) -> str:
    predicate = _ended(row.predicate)
    if found := BY_MEANS.match(predicate):
        first, _, more = found["aux"].partition(" ")
        return f"How {first} {row.subject} {more} {found['done']}?".replace("  ", " ")
    found = WITH.match(predicate)
    if not found or found["done"] in (
        "used",
        "based",
        "supposed",
        "called",
        "named",
        "known",
        "allowed",
        "needed",
        "defined",
    ):
        return ""
    if found["rest"] in ("each other", "one another") or found["rest"].startswith("first "):
        return ""
    first, _, more = found["aux"].partition(" ")
    return f"What {first} {row.subject} {more} {found['done']} {found['prep']}?".replace("  ", " ")


def _does(row: Statement) -> str:
    words = row.subject.replace("`", "").lower().split()
    verb = row.verb
    if verb in DOES and base_of(verb) and not row.plural and len(content(row.predicate)) >= 3:
        return f"What does {row.subject} {DOES[verb]}?"
    if verb in ("is", "are", "has", "have") or verb in MODALS or CONDITION.match(_ended(row.predicate)):
        return ""
    if len(content(row.predicate)) < 3 or verb in STATIVE or " not " in f" {row.predicate} ":
        return ""
    if row.plural and set(words[-1:]) & AGENTS and verb in verbs()[0]:
        return f"What do {row.subject} do?"
    agent = "()" in row.subject or bool(set(words) & AGENTS)
    return f"What does {row.subject} do?" if agent and base_of(verb) and not row.plural else ""


def subject_of(row: Statement, material: Survey) -> str:
    """ "Which function reads the next line in a file?"; for concepts "What …?", where the predicate fits one only."""
    if row.plural or row.leader or row.limited or row.verb in MODALS or len(content(row.predicate)) < 4:
        return ""
    if PRONOUNS & set(row.predicate.lower().split()):
        return ""
    sort = row.subject.rpartition("`")[2].strip().lower()
    if " not " in f" {row.predicate} ":
        return ""
    if "`" in row.subject:
        return f"Which {sort} {row.predicate.rstrip('.')}?" if sort in AGENTS and row.verb not in BE else ""
    if row.verb in BE or len(material.by_term.get(row.term, [])) > 8 or not base_of(row.verb):
        return ""
    if material.shown.get(row.term, row.term) != row.term or not (
        is_indefinite(row) or row.subject.startswith("the ")
    ):
        return (
            ""
            if row.subject.split()[0].lower() in ("the", "a", "an")
            else f"What {row.predicate.rstrip('.')}?"
        )
    return f"What {row.predicate.rstrip('.')}?"


def _ended(predicate: str) -> str:
    return predicate if predicate.endswith(".") else f"{predicate}."
