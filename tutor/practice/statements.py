"""Statements of the material that can be asked about: about a named concept, and understood without what stands around them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from courses.grammar import AUXILIARIES, finite_verb, is_plural, is_simple, tokens
from courses.models import Passage
from courses.verification.words import stem, words
from courses.wording import bag
from tutor.chat.starters import ARTICLES, INSIDE, NOT_A_SUBJECT

SHORTEST, LONGEST = 25, 240  # characters of a statement
# Words that point outside the statement, at the talk or at an example that goes on elsewhere.
POINTING = bag(
    """
    this these those such we us our you your i my he she his her here now today yesterday tomorrow week lecture lectures
    slide slides section chapter page notes notebook homework example examples figure above below following next previous
    again also too therefore thus hence instead otherwise then so first second third
    """
)
# Nouns that only the text before makes into something.
ANAPHORIC = bag(
    """
    rule trap answer factor people student students person coin cost point idea problem result results step steps length
    number numbers process weight weights output input question value values thing things reason way part parts name
    compromise time rest case cases data measurement measurements reading readings sample samples delay
    """
)
LEADER = re.compile(
    r"^(?P<leader>(?:For|With|In|On|At|After|Before|Unlike|Under|Without)\s[^,:;]{3,60}),\s+(?P<main>.+)$"
)
# What limits a concept without being part of its name: "moving average | of length M".
COMPLEMENT = re.compile(
    r"\s(?:of|in|for|with|to|from|between|on|over|at|by|as)\s.*$|\s(?:that|which)\s.*$", re.IGNORECASE
)
BROKEN = re.compile(r"[$\\|`_=<>{}\[\]^√]|\w\(|https?:|^[\d\W]")
DEFINES = re.compile(r"^(?:an?|the|one)\s+\w+", re.IGNORECASE)
PRONOUNS = bag("it its they their them itself themselves")


@dataclass(frozen=True, slots=True)
class Statement:
    """A claim cut into the parts that questions are made of; start and end are the source sentence in the passage."""

    passage: Passage
    text: str  # the claim as a sentence
    start: int
    end: int
    leader: str  # "For white noise", or ""
    subject: str  # "the moving average of length M", as it stands inside a sentence
    predicate: str  # "divides the noise variance by its length"
    plural: bool
    term: str  # "moving average": the concept; "" where the subject names none

    @property
    def verb(self) -> str:
        return self.predicate.split()[0].lower()

    @property
    def defines(self) -> bool:
        """Whether it says what its concept is, with enough words to tell it from others."""
        said = self.predicate.partition(" ")[2]
        return (
            self.verb in ("is", "are")
            and not self.leader
            and bool(DEFINES.match(said))
            and len(content(said)) >= 2
        )

    def with_subject(self, subject: str) -> str:
        """The same claim about something else."""
        start = f"{self.leader}, {subject}" if self.leader else subject[:1].upper() + subject[1:]
        return f"{start} {self.predicate}."


def content(text: str) -> frozenset[str]:
    """The stems of what a text is about."""
    return frozenset(word.key for word in words(text) if word.content)


def term_of(subject: str) -> str:
    """The concept that a subject names: without article and complement, lower case but for names; "" for none."""
    parts = COMPLEMENT.sub("", subject).split()
    if parts and parts[0].lower() in ARTICLES:
        parts = parts[1:]
    low = [part.lower().strip("’'“”\"") for part in parts]
    if not 1 <= len(low) <= 4 or any(not re.fullmatch(r"[^\W\d_][\w’'-]*", word) for word in low):
        return ""
    if any(word in NOT_A_SUBJECT | INSIDE | POINTING | PRONOUNS for word in low) or len(low[-1]) < 3:
        return ""
    return " ".join(part if part[1:].lower() != part[1:] else part.lower() for part in parts)


def statements(passage: Passage) -> list[Statement]:
    """The claims of a passage that stand on their own, cut into parts."""
    found = []
    for row in passage.propositions.order_by("ordinal"):
        cut = cut_up(row.text, passage, row.start, row.end)
        if cut is not None:
            found.append(cut)
    return found


def cut_up(claim: str, passage: Passage, start: int, end: int) -> Statement | None:
    """The parts of a claim; None where it cannot be asked about without what stands around it."""
    text = " ".join(claim.split())
    if not SHORTEST <= len(text) <= LONGEST or text[-1] not in ".:" or BROKEN.search(text):
        return None
    text = text.rstrip(".:")
    if ":" in text or ";" in text or "?" in text:
        return None
    low = set(re.findall(r"[\w’']+", text.lower()))
    if low & POINTING:
        return None
    found = LEADER.match(text)
    leader, main = (found["leader"], found["main"]) if found else ("", text)
    parts = tokens(main)
    verb = finite_verb(parts)
    if not verb or not is_simple(parts[:verb]):
        return None
    cut = parts[verb].start
    if parts[verb - 1].low in ("always", "never", "often", "usually", "only") or parts[verb - 1].low.endswith(
        "ly"
    ):
        cut = parts[verb - 1].start
    subject, predicate = main[:cut].strip(), main[cut:].strip()
    if not subject or len(predicate.split()) < 2:
        return None
    plural = is_plural(subject)
    if parts[verb].low in ("is", "are", "was", "were", "has", "have", "does", "do"):
        plural = parts[verb].low in ("are", "were", "have", "do")
    return Statement(
        passage,
        f"{text}.",
        start,
        end,
        leader,
        lowered(subject, passage.text),
        predicate,
        bool(plural),
        term_of(subject),
    )


def lowered(phrase: str, text: str) -> str:
    """A phrase from the beginning of a sentence as it stands inside one."""
    first, _, rest = phrase.partition(" ")
    if first.lower() in ARTICLES or first.lower() in text.split():
        return f"{first.lower()} {rest}".strip()
    name = first[1:].lower() != first[1:] or re.search(rf"(?<=[a-z,;] ){re.escape(first)}\b", text)
    return phrase if name or len(first) == 1 else f"{first.lower()} {rest}".strip()


def concepts(rows: Iterable[Statement], headings: Sequence[str]) -> dict[str, str]:
    """The concepts of a course, each with the words that name it inside a sentence: "outlier" is "an outlier".

    A concept is what some statement defines, what a heading names, or what several passages say something about.
    """
    headed = {term_of(heading) for heading in headings} - {""}
    seen: dict[str, Counter[str]] = {}
    places: dict[str, set[int]] = {}
    defined = set()
    for row in rows:
        if not row.term or _is_anaphoric(row):
            continue
        bare = COMPLEMENT.sub("", row.subject)
        seen.setdefault(row.term, Counter())[bare] += 1
        places.setdefault(row.term, set()).add(row.passage.pk)
        if row.defines:
            defined.add(row.term)
    return {
        term: named.most_common(1)[0][0]
        for term, named in seen.items()
        if term in defined or term in headed or len(places[term]) > 1
    }


def _is_anaphoric(row: Statement) -> bool:
    """Whether the subject is only something because of the text before ("the rule")."""
    parts = row.term.lower().split()
    return len(parts) == 1 and parts[0] in ANAPHORIC


def stems(term: str) -> frozenset[str]:
    """The stems of a concept's words."""
    return frozenset(stem(word) for word in term.split())


def is_indefinite(row: Statement) -> bool:
    """Whether the subject needs nothing before it: "a common rule", "no measurement"."""
    first = row.subject.split()[0].lower()
    return first in ("a", "an", "no", "every", "any", "each") or (
        row.plural and first not in ARTICLES | AUXILIARIES
    )
