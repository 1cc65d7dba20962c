"""Just enough English grammar to see where a clause has its subject and its finite verb. Rules and closed word lists:
what they are not sure of, they do not see."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from courses.wording import bag

DETERMINERS = bag(
    """
    a an the this that these those each every some any all both no its their his her our your my many several
    few most another one two three four five six seven eight nine ten
    """
)
SUBJECTS = bag("it they he she we you i this that these those there")
SINGULAR_AUX = bag("is was has does")
PLURAL_AUX = bag("are were have do")
MODALS = bag("can could will would may might must shall should cannot")
PAST_AUX = bag("was were had did")
AUXILIARIES = SINGULAR_AUX | PLURAL_AUX | MODALS | PAST_AUX
PREPOSITIONS = bag(
    """
    of in on at by for from to with without into onto over under about between among through during within
    across against along around as like per via than until toward towards upon inside outside behind above below
    """
)
RELATIVES = bag("which who whom whose that where")
CONDITIONS = bag(
    """
    if when whenever unless until because since whether once as before after than where although though while
    whereas so that how why what
    """
)
CONJUNCTIONS = bag("and or but nor yet so")
NEGATIONS = bag("not never no neither nor either both cannot hardly rarely")
ADVERBS = bag(
    """
    also then often always usually sometimes typically generally only just still again simply
    """
)
PAST = {
    "became", "began", "brought", "built", "chose", "came", "drew", "fell", "felt", "found", "gave", "went", "grew",
    "held", "kept", "knew", "led", "left", "lost", "made", "meant", "met", "ran", "rose", "said", "saw", "sent", "spent",
    "spoke", "stood", "took", "taught", "thought", "told", "understood", "won", "wrote", "got", "wore", "drove", "ate",
}  # fmt: skip
OTHER_CLAUSE = CONDITIONS - {"as", "so", "that", "since"}
BEFORE_NOUN = DETERMINERS - {"this", "that", "these", "those"} | {"to"}
NOT_IN_SUBJECT = CONJUNCTIONS | AUXILIARIES | (RELATIVES | CONDITIONS) - {"as", "that"} | frozenset(",;:—–()")
WORD = re.compile(r"[^\W_][\w'’-]*|[\ue000-\uf8ff]|_+\w+|[^\w\s]")


class Token(NamedTuple):
    """A word, a masked span or a mark, and where it stands."""

    text: str
    start: int
    end: int
    low: str


@lru_cache(maxsize=512)
def tokens(text: str) -> list[Token]:
    """Words, masked spans and marks of a text. The list is shared: do not change it."""
    return [
        Token(word, match.start(), match.end(), word.lower())
        for match in WORD.finditer(text)
        for word in (match.group(),)
    ]


@cache
def verbs() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Base forms, forms in -s, and regular past forms of common verbs (data/verbs.txt)."""
    base = (Path(__file__).with_name("data") / "verbs.txt").read_text().split()
    return frozenset(base), frozenset(map(third_person, base)), frozenset(map(past, base))


def third_person(verb: str) -> str:
    """writes, passes, copies."""
    if verb.endswith(("s", "x", "z", "ch", "sh", "o")):
        return verb + "es"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + "s"


def past(verb: str) -> str:
    """used, copied, called; doubled consonants only where the verb is one short syllable."""
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ied"
    if re.fullmatch(r"[^aeiou]*[aeiou][bdgklmnprt]", verb):
        return verb + verb[-1] + "ed"
    return verb + "ed"


def is_masked(word: str) -> bool:
    """Whether the word stands for a formula, code, a quotation or brackets."""
    return len(word) == 1 and "\ue000" <= word <= "\uf8ff"


def looks_plural(word: str) -> bool:
    """Whether a noun looks plural."""
    low = word.lower()
    return low in ("people", "data", "children", "men", "women", "criteria") or (
        len(low) > 3 and low.endswith("s") and not low.endswith(("ss", "us", "is", "ics", "'s", "’s"))
    )


def finite_verb(words: list[Token]) -> int | None:
    """Index of the finite verb of a clause; None if none is certain."""
    base, third, regular_past = verbs()
    for index, word in enumerate(words):
        low = word.low
        if index and low in OTHER_CLAUSE:
            return None
        if low in AUXILIARIES:
            return index or None
        if not index or (
            low not in base and low not in third and low not in PAST and low not in regular_past
        ):
            continue
        before = words[index - 1].low
        after = words[index + 1].low if index + 1 < len(words) else ""
        if before in BEFORE_NOUN:
            continue
        if low in third and not (
            before in ("and", "or", ",") or after in ("is", "are", "and", ",", "can", "will", "of")
        ):
            return index
        if low in PAST and before not in ("and", "or", ","):
            return index
        if (
            low in regular_past
            and after not in PREPOSITIONS
            and after not in ("and", ",", ".")
            and before not in ("and", "or", ",")
        ):
            return index
        if low in base and before in ("they", "we", "you", "i"):
            return index
        noun_follows = before == "data" or after in ("", "is", "are", "of", "and", ",", ".")
        if low in base and looks_plural(before) and not noun_follows:
            return index
    return None


def is_plural(phrase: str) -> bool | None:
    """Number of a noun phrase; None when it cannot be told."""
    words = tokens(phrase)
    if not words:
        return None
    first = words[0].low
    if first in (
        "these",
        "those",
        "many",
        "several",
        "few",
        "both",
        "two",
        "three",
        "four",
        "five",
        "all",
        "most",
    ):
        return True
    head = _head(words)
    if first in ("a", "an", "this", "that", "each", "every", "one", "another"):
        return False
    if "and" in [word.low for word in words]:
        return True
    if is_masked(head):
        return False
    return looks_plural(head)


def _head(words: list[Token]) -> str:
    """The head noun: the last word before a preposition or a relative."""
    head = words[0].text
    for index, word in enumerate(words):
        if index and (word.low in PREPOSITIONS or word.low in RELATIVES or word.text in ",("):
            break
        if not (is_masked(word.text) and index and not is_masked(head) and word.low not in DETERMINERS):
            head = word.text
    return head


def head(phrase: str) -> str:
    """The head noun of a noun phrase, in lower case."""
    words = tokens(phrase)
    return _head(words).lower() if words else ""


def is_simple(words: list[Token]) -> bool:
    """Whether the words are a plain noun phrase that may be repeated as a subject."""
    if not 0 < len(words) <= 9:
        return False
    if words[0].low in PREPOSITIONS or words[0].low == "as":
        return False
    if any(word.low in NOT_IN_SUBJECT for word in words):
        return False
    return not any(word.low == "that" for word in words[1:])
