"""What "it", "they" and "this function" stand for, where only one thing can be meant."""

from __future__ import annotations

import re
from dataclasses import dataclass

from courses.grammar import (
    AUXILIARIES,
    CONJUNCTIONS,
    DETERMINERS,
    PREPOSITIONS,
    RELATIVES,
    SUBJECTS,
    finite_verb,
    head,
    is_masked,
    is_plural,
    is_simple,
    looks_plural,
    tokens,
    verbs,
)  # fmt: skip
from courses.wording import bag

# "It is possible that …" speaks of nothing that was named.
EXPLETIVE = re.compile(
    r"^it(?:'s|’s)? (?:(?:is|was|may be|can be|might be|would be|becomes|seems|appears|turns out|follows|takes|helps)\b"
    r"(?: (?:also|often|very|more|not|usually|sometimes))* ?)(?:possible|important|necessary|common|easy|easier|hard|"
    r"harder|difficult|useful|helpful|good|better|best|worth|clear|true|likely|recommended|conventional|up to|time|that|"
    r"to|a good|an? (?:common|good) (?:practice|idea|mistake|convention))\b",
    re.IGNORECASE,
)
# "this chapter" is the one that is being read, whatever was named before.
DEICTIC = bag(
    "chapter section book example program code lecture course video slide page table figure exercise text way"
)
PLURALS = {"they", "these", "those"}
PEOPLE = {"he", "she"}


@dataclass(frozen=True)
class Mention:
    """Something that was named: its words, whether it is many, whether it is a person by name."""

    text: str
    plural: bool
    person: bool = False


def mentions(clause: str) -> list[Mention]:
    """The things a clause names, its subject first. The noun after "A is a …" is the subject again, and left out."""
    words = tokens(clause)
    found: list[Mention] = []
    verb = finite_verb(words)
    index = 0
    _, third, _ = verbs()
    while index < len(words):
        word = words[index]
        opens = (
            word.low in DETERMINERS - {"no", "its", "their", "his", "her"}
            or is_masked(word.text)
            or (
                word.text[:1].isupper()
                and word.low not in SUBJECTS | PREPOSITIONS | CONJUNCTIONS | AUXILIARIES
            )
        )
        plural_noun = looks_plural(word.text) and word.low not in third and word.low not in DETERMINERS
        if not opens and not plural_noun:
            index += 1
            continue
        last = index
        while (
            last + 1 < len(words)
            and last - index < 5
            and _goes_on(words[last + 1].text, words[last + 1].low, last + 1, verb)
        ):
            last += 1
        text = clause[word.start : words[last].end]
        again = (
            verb is not None and verb < index <= verb + 2 and words[verb].low in ("is", "are", "was", "were")
        )
        if not again and text.lower() not in SUBJECTS:
            names = [part for part in text.split() if part[:1].isupper()]
            person = len(names) > 1 and word.low not in DETERMINERS and index + len(names) > 1
            found.append(Mention(text, bool(is_plural(text)), person))
        index = last + 1
    return found


def _goes_on(text: str, low: str, index: int, verb: int | None) -> bool:
    if index == verb or low in AUXILIARIES | PREPOSITIONS | RELATIVES | CONJUNCTIONS | {
        "that",
        "if",
        "when",
        "to",
    }:
        return False
    return text[0].isalnum() or is_masked(text)


def subject_of(clause: str) -> str:
    """The subject of a clause if it is a plain noun phrase, else ""."""
    words = tokens(clause)
    verb = finite_verb(words)
    if not verb or not is_simple(words[:verb]):
        return ""
    text = clause[: words[verb].start].strip()
    if text.lower() in SUBJECTS or (words[0].low in SUBJECTS and verb == 1):
        return ""
    if words[verb - 1].low.endswith("ly") or words[verb - 1].low in ("also", "then", "often"):
        text = clause[: words[verb - 1].start].strip()
    return text


def resolve(clause: str, before: str) -> str:
    """The clause with its opening pronoun replaced by what the clause before it named, where that is certain."""
    words = tokens(clause)
    if not words or not before:
        return clause
    pronoun = words[0].low
    subject = subject_of(before)
    if not subject or subject.split()[0].lower() in (
        "its",
        "their",
        "his",
        "her",
        "this",
        "these",
        "that",
        "those",
    ):
        return clause
    if pronoun in ("this", "these", "that", "those") and len(words) > 1 and words[1].low not in AUXILIARIES:
        return _demonstrative(clause, before, subject)
    possessive = pronoun in ("its", "their", "his", "her")
    if pronoun not in PLURALS - {"these", "those"} | PEOPLE | {"it"} and not possessive:
        return clause
    if pronoun == "it" and EXPLETIVE.match(clause):
        return clause
    plural = pronoun in ("they", "their")
    person = pronoun in PEOPLE | {"his", "her"}
    named = mentions(before)
    fitting = {one.text.lower(): one for one in named if one.plural == plural and (one.person or not person)}
    if not person:
        fitting = {key: one for key, one in fitting.items() if not one.person or plural}
    subject_plural = bool(is_plural(subject))
    # The one candidate has to be the subject of the clause before.
    if len(fitting) != 1 or subject_plural != plural:
        return clause
    only = next(iter(fitting.values())).text
    if only.lower() not in subject.lower():
        return clause
    rest = clause[words[0].end :]
    name = subject
    if possessive:
        name += "’" if name.endswith("s") else "’s"
    return name[:1].upper() + name[1:] + rest if not is_masked(name[:1]) else name + rest


def _demonstrative(clause: str, before: str, subject: str) -> str:
    """ "This function …" after "The function f …": the same thing by its fuller name."""
    words = tokens(clause)
    noun = words[1].low
    after = words[2].low if len(words) > 2 else ""
    if noun in DEICTIC or noun.rstrip("s") in DEICTIC:
        return clause
    if head(subject) != noun and not (
        noun in subject.lower().split() and any(is_masked(part) for part in subject.split())
    ):
        return clause
    if after not in AUXILIARIES and after not in verbs()[1] | verbs()[0]:
        return clause
    if sum(noun in one.text.lower().split() for one in mentions(before)) != 1 or len(subject.split()) < 2:
        return clause
    first = subject.split()[0]
    if len(subject.split()) == 2 and first.lower() in DETERMINERS:
        return clause  # "a function": the name is no fuller
    if first.lower() in DETERMINERS - {"the"}:
        return clause  # "several functions" are not these
    return subject[:1].upper() + subject[1:] + clause[words[1].end :]
