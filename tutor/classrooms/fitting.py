"""Words as they stand in a spoken sentence: joined, begun and ended as speech is; and what is a sentence at all."""

from __future__ import annotations

import re
from collections.abc import Sequence

from courses.grammar import AUXILIARIES, DETERMINERS, PREPOSITIONS, RELATIVES, looks_plural, tokens, verbs
from courses.grammar import PAST as IRREGULAR
from courses.wording import bag

_FORMULA = re.compile(r"\$\$?.+?\$\$?|`[^`]+`", re.DOTALL)
_ACTS = bag("inside into onto from to at by through towards strongly")  # what often follows a verb
_NUMBERED = bag(
    "line lines figure figures equation equations step steps row rows table tables case cases"
)  # Lines 3–16 assign …


def one_line(text: str) -> str:
    """White space made single."""
    return " ".join(text.split())


def inline(formula: str) -> str:
    """A display formula as it stands inside a sentence."""
    text = one_line(formula)
    return (
        f"${text[2:-2].strip()}$" if text.startswith("$$") and text.endswith("$$") and len(text) > 4 else text
    )


def listed(parts: Sequence[str]) -> str:
    """a, b and c."""
    clean = [part.rstrip(" .;,") for part in parts]
    return f"{', '.join(clean[:-1])} and {clean[-1]}" if len(clean) > 1 else clean[0]


def finish(text: str) -> str:
    """With a stop at its end."""
    text = text.strip().rstrip(",;")
    return text if re.search(r"[.!?…][\"'”’)]*$", text) else f"{text}."


def capital(text: str) -> str:
    """With a capital at its beginning, unless it begins with a formula or a symbol."""
    return text[:1].upper() + text[1:] if re.match(r"[a-z]{2}|a ", text) else text


def lower(text: str) -> str:
    """As it stands inside a sentence: without the capital of its first word, where that is no name."""
    word = text.split()[0] if text.split() else ""
    if word[1:].lower() != word[1:] or re.sub(r"['’]s$|\W+$", "", word) in _NAMES | {"I", "I'm"}:
        return text
    if len(word) == 1 and word != "A":
        return text
    return text[:1].lower() + text[1:]


_NAMES = bag(
    "English German French Greek Latin European American Monte Bayes Gauss Gaussian Fourier Newton Einstein Euler Python Java "
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February April June July August September October "
    "November December Student Laplace Markov Poisson Bernoulli Boolean Kalman Nyquist Shannon Turing Euclid Euclidean"
)


def is_sentence(text: str) -> bool:
    """Whether a text has a verb that makes it a sentence. What ends with a stop needs less to pass for one."""
    words = tokens(_FORMULA.sub("X", text))
    base, third, past = verbs()
    stopped = text.rstrip('"”’)').endswith((".", "!"))
    for index, word in enumerate(words):
        low, before = word.low, words[index - 1].low if index else ""
        after = words[index + 1] if index + 1 < len(words) else None
        if low in AUXILIARIES:
            return True
        if not index:
            orders = low in base or (
                stopped and after is not None and after.low in ("the", "a", "an", "them", "it")
            )
            if (
                orders
                and len(words) > 2
                and after is not None
                and after.text not in ":,—–"
                and after.low not in PREPOSITIONS
            ):
                return low not in PREPOSITIONS and not looks_plural(low) and not low.endswith("ing")
            continue
        if before in DETERMINERS | PREPOSITIONS | RELATIVES | {"that"}:
            continue
        if before.isdigit() and words[0].low not in _NUMBERED:
            continue
        if before in ("we", "you", "they", "i", "it", "he", "she") and low in base | third | past:
            return True
        ends_in_s = low.endswith("s") and not low.endswith("ss") and after is not None
        if (
            ends_in_s
            and after
            and (after.low.endswith("ly") or (looks_plural(before) and after.low in _ACTS))
        ):
            return True
        if ends_in_s and after and after.text == "X" and stopped:
            return True
        if low in third and (stopped or not looks_plural(before)) and before not in ("and", "or", ","):
            return True
        if low in IRREGULAR or (low in past and after is not None and after.low in DETERMINERS):
            return True
        if low in base and (
            stopped
            or looks_plural(before)
            or before.isdigit()
            or before in ("we", "you", "they", "i", "to", "x")
        ):
            return True
    return False
