"""Statements of the material that can be asked about: about a named concept, and understood without what stands around them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from courses.grammar import finite_verb, is_plural, is_simple, tokens
from courses.models import Extract, Passage
from courses.verification.words import stem, words
from courses.wording import bag
from tutor.chat.starters import ARTICLES, INSIDE, NOT_A_SUBJECT

SHORTEST, LONGEST = 25, 240  # characters of a statement
# Words that point outside the statement, at the talk or at an example that goes on elsewhere.
POINTING = bag(
    """
    this these those such us our your i my he she his her here now today yesterday tomorrow week lecture lectures slide
    slides section chapter page notes notebook homework example examples figure above below following next previous again
    also too therefore thus hence instead otherwise then so something anything
    """
)
# Nouns that only the text before makes into something.
ANAPHORIC = bag(
    """
    rule trap answer factor people student students person coin cost point idea problem result results step steps length
    number numbers process weight weights output input question value values thing things reason way part parts name
    compromise time rest case cases data measurement measurements reading readings sample samples
    delay distances deviations weights filter signal interval
    """
)
# What compares needs to know with what.
COMPARING = bag(
    """
    longer shorter larger smaller higher lower bigger greater better worse best quicker slower newest oldest
    common different basic main important typical simple certain various new axis x-axis y-axis
    """
)
# Places where things are said of one case only, or asked.
CASE = re.compile(
    r"\b(?:problems?|exercises?|worked|examples?|homework|quiz|assignments?|solutions?|answers?)\b",
    re.IGNORECASE,
)
INSTANCE = re.compile(r"\W*(?:ex|e\.g|for (?:example|instance)|suppose|imagine)\b", re.IGNORECASE)
SAME = re.compile(r"\bthe same (?!way|time|amount|number|unit)", re.IGNORECASE)
SYMBOL = re.compile(r"(?<![\w’'])(?!a\b|A\b|I\b)[^\W\d_](?![\w’'])")
EMPTY = bag("a an the of in on at to for from with and or is are be that which its their")
INTRODUCES = bag("length size number bias period factor width height mass weight order degree")
LEADER = re.compile(
    r"^(?P<leader>(?:For|With|In|On|At|After|Before|Unlike|Under|Without)\s[^,:;]{3,60}),\s+(?P<main>.+)$"
)
# What limits a concept without being part of its name: "moving average | of length M".
COMPLEMENT = re.compile(
    r"\s(?:of|in|for|with|to|from|between|on|over|at|by|as)\s.*$|\s(?:that|which)\s.*$", re.IGNORECASE
)
BROKEN = re.compile(r"[$\\|`_=<>{}\[\]^√]|\w\(|https?:|^[\d\W]")
DEFINES = re.compile(r"^(?:an?|the|one)\s+\w+", re.IGNORECASE)
SINGULAR_VERBS, PLURAL_VERBS = bag("is was has does"), bag("are were have do")
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
        return self.predicate.partition(" ")[0].lower()

    @property
    def defines(self) -> bool:
        """Whether it says what its concept is, with enough words to tell it from others."""
        said = self.predicate.partition(" ")[2]
        names_it = is_indefinite(self) and said.lower().startswith("the ")  # "a replacement is the median"
        return (
            self.verb in ("is", "are")
            and not self.leader
            and bool(DEFINES.match(said))
            and len(content(said)) >= 2
            and not names_it
        )

    @property
    def limited(self) -> bool:
        """Whether the subject is the concept with something that limits it: "the variance of the weighted mean"."""
        return bool(COMPLEMENT.search(self.subject)) and not re.search(r"\sof length \w$", self.subject)

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
    if "percent" in parts[:-1]:
        parts = parts[parts.index("percent") + 1 :]  # "the ten percent trimmed mean"
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts = parts[:-1]  # "the standard deviation s"
    low = [part.lower().strip("’'“”\"") for part in parts]
    bare = low[:1] == subject.lower().split()[:1]
    if low and bare and low[0].endswith("ing") and " " in subject:
        return ""  # "making mistakes", "learning to be precise"
    if not 1 <= len(low) <= 4 or any(not re.fullmatch(r"[^\W\d_][\w’'-]*", word) for word in low):
        return ""
    if (
        any(word in NOT_A_SUBJECT | INSIDE | POINTING | PRONOUNS | COMPARING for word in low)
        or len(low[-1]) < 3
    ):
        return ""
    return " ".join(part if part[1:].lower() != part[1:] else part.lower() for part in parts)


def statements(passage: Passage, text: str) -> list[Statement]:
    """The claims of a passage that stand on their own, cut into parts; `text` is the course's and shows what is a name.

    None where only a case is worked through, and none of what is said of a figure.
    """
    if any(CASE.search(str(part)) for part in [passage.material.title, *passage.heading_path]):
        return []
    found = [cut_up(row.text, passage, row.start, row.end, text) for row in passage.propositions.all()]
    shown = [(block["start"], block["end"]) for block in _figures(passage)]
    kept = [
        row
        for row in found
        if row is not None and not any(a <= passage.start + row.start < b for a, b in shown)
    ]
    return sorted(kept, key=lambda row: row.start)


def _figures(passage: Passage) -> list[dict[str, Any]]:
    extract: Extract | None = getattr(passage.material, "extract", None)
    return [block for block in extract.blocks if block["kind"] == "figure"] if extract else []


def cut_up(claim: str, passage: Passage, start: int, end: int, course: str) -> Statement | None:
    """The parts of a claim; subject and predicate are "" where they cannot be told apart for certain.

    None where it cannot be asked about without what stands around it.
    """
    text = " ".join(claim.split())
    if not SHORTEST <= len(text) <= LONGEST or text[-1] not in ".:" or BROKEN.search(text):
        return None
    text = text.rstrip(".:")
    low = re.findall(r"[\w’']+", text.lower())
    if (
        re.search(r"[:;?]", text)
        or POINTING & set(low)
        or low[0] in PRONOUNS | {"we", "you", "that", "where", "if"}
    ):
        return None
    if INSTANCE.match(passage.text[start:end]):  # the claim was taken out of what is said of one case
        return None
    if SAME.search(text) or not _symbols_are_introduced(text):
        return None
    found = LEADER.match(text)
    leader, main = (found["leader"], found["main"]) if found else ("", text)
    subject, predicate, plural = _halves(main)
    return Statement(
        passage,
        f"{text}.",
        start,
        end,
        leader,
        lowered(subject, course),
        predicate,
        plural,
        term_of(subject),
    )


def _halves(main: str) -> tuple[str, str, bool]:
    """Subject, predicate and whether the subject is plural; two empty texts where it is not certain."""
    parts = tokens(main)
    verb = finite_verb(parts)
    if verb and parts[verb - 1].text[-1].isdigit():  # "25 samples" counts things, it does not sample
        verb = finite_verb([*parts[:verb], parts[verb]._replace(low="units"), *parts[verb + 1 :]])
    if not verb or not is_simple(parts[:verb]) or "we" in (part.low for part in parts[:verb]):
        return "", "", False
    adverb = parts[verb - 1].low in ("always", "never", "often", "usually", "only") or parts[
        verb - 1
    ].low.endswith("ly")
    cut = parts[verb - adverb].start
    subject, predicate = main[:cut].strip(), main[cut:].strip()
    if not subject or len(predicate.split()) < 2:
        return "", "", False
    if parts[verb].low in PLURAL_VERBS | SINGULAR_VERBS:
        return subject, predicate, parts[verb].low in PLURAL_VERBS
    return subject, predicate, bool(is_plural(subject))


def _symbols_are_introduced(text: str) -> bool:
    """Whether each letter that stands for something is said to: "of length M", "n readings"."""
    known = set()
    for found in SYMBOL.finditer(text):
        before = text[: found.start()].split()[-1:] or [""]
        after = text[found.end() :].split()[:1] or [""]
        if before[0].lower() in INTRODUCES or (after[0].endswith("s") and before[0].lower() != "last"):
            known.add(found.group())
        if found.group() not in known:
            return False
    return True


def lowered(phrase: str, text: str) -> str:
    """A phrase from the beginning of a sentence as it stands inside one."""
    first, _, rest = phrase.partition(" ")
    name = first[1:].lower() != first[1:] or len(first) < 2 or is_name(first, text)
    return phrase if name and first.lower() not in ARTICLES else f"{first.lower()} {rest}".strip()


@lru_cache(10_000)
def is_name(word: str, text: str) -> bool:
    """Whether a word is mostly written with a capital where no sentence begins."""
    inside = Counter(
        found[0].isupper() for found in re.findall(rf"(?<=[a-z,;] ){re.escape(word)}\b", text, re.IGNORECASE)
    )
    return inside[True] > inside[False]


def concepts(rows: Iterable[Statement], headings: Sequence[str], text: str) -> dict[str, str]:
    """The concepts of a course, each with the words that name it inside a sentence: "outlier" is "an outlier".

    A concept is what a statement defines, what a heading names, a name of several words that comes back, or what
    several passages say something about.
    """
    headed = {term_of(heading) for heading in headings} - {""}
    about: dict[str, list[Statement]] = {}
    for row in rows:
        if row.term and not _is_anaphoric(row):
            about.setdefault(row.term, []).append(row)
    found = {}
    for term, said in about.items():
        times = len(re.findall(rf"\b{re.escape(term)}", text, re.IGNORECASE))
        several = len({row.passage.pk for row in said if not row.limited}) > 1 and not term.endswith("ing")
        defined = any(row.defines and (is_indefinite(row) or times > 1) for row in said)
        if defined or term in headed or several or (" " in term and times > 1):
            named = Counter(_named(row) for row in said if not row.limited)
            found[term] = (named or Counter(row.subject for row in said)).most_common(1)[0][0]
    return found


def cased(term: str, text: str) -> str:
    """A concept with the capitals that it has inside sentences."""
    if not is_name(term.split()[0], text):
        return term
    return " ".join(
        word.capitalize() if word.islower() and is_name(word, text) else word for word in term.split()
    )


def _named(row: Statement) -> str:
    """The concept with the article that its subject has."""
    first = row.subject.partition(" ")[0]
    return f"{first} {row.term}" if first in ARTICLES else row.term


def _is_anaphoric(row: Statement) -> bool:
    """Whether the subject is only something because of the text before ("the rule")."""
    parts = row.term.lower().split()
    return len(parts) == 1 and parts[0] in ANAPHORIC


def names_concept(row: Statement, names: Iterable[str]) -> bool:
    """Whether the statement begins with a concept, with or without its article."""
    start = " ".join(word for word in row.text.lower().split()[:8] if word not in ARTICLES)
    return any(start.startswith(name.lower()) for name in names)


@lru_cache(20_000)
def stems(text: str) -> frozenset[str]:
    """The stems of a text's words, those included that the verifier takes for empty ("mean")."""
    return frozenset(stem(word) for word in re.findall(r"[^\W\d_]+", text.lower()) if word not in EMPTY)


def is_indefinite(row: Statement) -> bool:
    """Whether the subject needs nothing before it: "a common rule", "no measurement"."""
    first = (row.subject or row.text).split()[0].lower()
    return first in ("a", "an", "no", "every", "any", "each") or (row.plural and first not in ARTICLES)
