"""Taking a sentence apart into the claims it makes, by rules that only fire where the reading is certain.

Clauses are strings in which formulas, code, quotations and brackets are masked (see propositions.py). Every rule gets a
clause and gives the clauses it falls into, or none.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from courses.grammar import (
    ADVERBS,
    AUXILIARIES,
    CONDITIONS,
    CONJUNCTIONS,
    DETERMINERS,
    MODALS,
    NEGATIONS,
    PAST,
    PLURAL_AUX,
    PREPOSITIONS,
    RELATIVES,
    SINGULAR_AUX,
    SUBJECTS,
    Token,
    finite_verb,
    is_masked,
    is_plural,
    is_simple,
    looks_plural,
    tokens,
    verbs,
)  # fmt: skip
from courses.wording import bag

LEADERS = re.compile(
    r"^(?:(?:however|therefore|thus|hence|moreover|furthermore|additionally|in addition|consequently|as a result|also|"
    r"in other words|in fact|in particular|for example|for instance|in contrast|by contrast|nevertheless|nonetheless|"
    r"similarly|likewise|finally|first|second|third|next|then|instead|of course|note that|recall that|remember that|"
    r"on the other hand|that is|as mentioned|as described before|in general|unfortunately|fortunately|overall|"
    r"specifically|alternatively|conversely|technically|ex|note|tip|example|"
    r"hint),?:?\s+|(?:so(?! (?:far|that|long|much|many|called|on)\b)|and|but)\s+)",
    re.IGNORECASE,
)
# After ", which" these may speak of the whole clause, not of the last noun.
CLAUSAL = bag(
    """
    means allows makes causes lets leads results helps gives enables prevents ensures can may might
    """
)
# Of "a, b and c" each is true alone.
DISTRIBUTIVE = bag(
    """
    supports support includes include contains contain has have provides provide offers offer requires require
    uses use accepts accept needs need defines define introduces introduce covers cover describes describe
    prints print stores store removes remove handles handle
    """
)
COLLECTIVE = bag(
    """
    same different similar equal equivalent together each both combined between pair related separate distinct
    opposite types kinds examples two three four other others compared respectively difference mixed combination
    """
)
INTRODUCTION = re.compile(
    r"^((?:in|for|at|on|by|with|from|after|before|during|within|since|under)\b[^,;:]{1,60}), (?=\S)",
    re.IGNORECASE,
)

CONDITIONAL = CONDITIONS - {"as", "where"}
Rule = Callable[[str], list[str]]


def take_apart(sentence: str) -> list[str]:
    """The clauses of a sentence, without its final stop; just the sentence where nothing can be taken apart."""
    claims = [strip_leader(sentence.rstrip(" .!;"))]
    if not TRIGGER.search(claims[0]):
        return claims
    for _ in range(4):  # rules may open what other rules can take apart
        again: list[str] = []
        for claim in claims:
            again += next((found for rule in RULES if (found := _checked(rule, claim))), [claim])
        if again == claims:
            break
        claims = again
    return claims


def strip_leader(sentence: str) -> str:
    """Without the word that only ties the sentence to the one before it."""
    for _ in range(2):
        match = LEADERS.match(sentence)
        if not match:
            break
        word = match.group().strip().rstrip(",:").lower()
        tied = match.group().rstrip().endswith((",", ":")) or word in (
            "so",
            "and",
            "but",
            "note that",
            "recall that",
        )
        if not tied and word not in ("also", "therefore", "thus", "hence", "remember that"):
            break
        sentence = sentence[match.end() :]
    return _capital(sentence)


def _checked(rule: Rule, claim: str) -> list[str]:
    """What a rule found, if every piece is a clause with a subject and a verb and the brackets still match."""
    introduction, body = _introduction(claim)
    found = rule(body)
    if len(found) < 1 or found == [body]:
        return []
    if not all(_is_whole(piece) for piece in found):
        return []
    if introduction:
        # It goes with what the sentence says, not with what it says in passing.
        also = 1 if rule in (relative, apposition) else len(found)
        found = [f"{introduction}, {_lower_first(piece)}" for piece in found[:also]] + found[also:]
    return [_capital(piece) for piece in found]


def _is_whole(clause: str) -> bool:
    """Whether a clause has a subject, a finite verb, and something after it ("strings cannot" has not)."""
    words = tokens(clause)
    verb = finite_verb(words)
    return bool(verb) and not (words[-1].low in AUXILIARIES and verb == len(words) - 1)


def _introduction(claim: str) -> tuple[str, str]:
    match = INTRODUCTION.match(claim)
    if match and not finite_verb(tokens(match.group(1))) and "and" not in match.group(1).split():
        return match.group(1), claim[match.end() :]
    return "", claim


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] if text[:1].isascii() else text


def _lower_first(text: str) -> str:
    words = text.split(" ", 1)
    return text[:1].lower() + text[1:] if words[0].lower() in DETERMINERS | SUBJECTS - {"i"} else text


def _conditional(words: list[Token]) -> bool:
    """Whether something in the clause is said under a condition, or only reported."""
    return any(word.low in CONDITIONAL for word in words) or (
        bool(words) and words[0].low in ("else", "otherwise")
    )


def semicolons(clause: str) -> list[str]:
    """A; b."""
    parts = [part.strip() for part in clause.split(";")]
    if len(parts) < 2 or any(_conditional(tokens(part)[:1]) for part in parts):
        return []
    return [strip_leader(part) for part in parts]


def concession(clause: str) -> list[str]:
    """Although a, b. / A, while b. / A, whereas b."""
    match = re.match(r"^(?:although|though|even though|while|whereas) ([^,]+), (.+)$", clause, re.IGNORECASE)
    if match and not clause.lower().startswith(("while the loop", "while loop", "while statement")):
        if re.match(r"^while\b", clause, re.IGNORECASE) and not _states(match.group(1)):
            return []
        return [match.group(1), match.group(2)]
    match = re.match(r"^(.+), (?:although|though|even though|while|whereas) ([^,]+)$", clause)
    if match and not _conditional(tokens(match.group(1))):
        return [match.group(1), match.group(2)]
    return []


def _states(clause: str) -> bool:
    """Whether "while …" sets two states side by side (is, has, can), rather than two things at one time."""
    words = tokens(clause)
    verb = finite_verb(words)
    return (
        verb is not None
        and words[verb].low in AUXILIARIES
        and "ing" not in "".join(w.low[-3:] for w in words[verb:])
    )


def coordination(clause: str) -> list[str]:
    """A does x, and b does y."""
    for match in re.finditer(r",? (?:and|but|yet) ", clause):
        left, right = clause[: match.start()], clause[match.end() :]
        left_words, right_words = tokens(left), tokens(right)
        if not right_words or _conditional(left_words) or _conditional(right_words):
            continue
        marked = match.group().startswith(",") or right_words[0].low in SUBJECTS - {
            "that",
            "this",
            "these",
            "those",
        }
        if not marked or not _opens_clause(right_words[0]):
            continue
        verb = finite_verb(right_words)
        if not verb or not is_simple(right_words[:verb]) or not finite_verb(left_words):
            continue
        if any(word.low in RELATIVES for word in left_words):
            continue
        if "," in left and (left_words[0].low in PREPOSITIONS or left_words[0].low.endswith("ing")):
            continue  # what is said first may hold for both
        return [left, strip_leader(right)]
    return []


def _opens_clause(word: Token) -> bool:
    return (
        word.low in DETERMINERS | SUBJECTS
        or is_masked(word.text)
        or word.text[:1].isupper()
        or looks_plural(word.text)
    )


def _predicates(clause: str) -> tuple[str, list[str]] | None:
    """The subject and its predicates: "A does x and does y" -> ("A", ["does x", "does y"])."""
    words = tokens(clause)
    verb = finite_verb(words)
    if not verb or not is_simple(words[:verb]) or _conditional(words):
        return None
    if any(word.low in RELATIVES or word.low in NEGATIONS for word in words[verb:]):
        return None
    kind = _kind(words, verb)
    if not kind:
        return None
    starts = [verb]
    closed = False
    for index in range(verb + 2, len(words) - 1):
        modified = words[index - 1].low in ADVERBS and words[index - 2].low == "and"
        if words[index - 1].low == "and" or modified:
            if _continues(words, index, kind):
                starts.append(
                    index - 1 if modified and words[index - 1].low not in ("then", "also") else index
                )
                closed = True
        elif words[index - 1].text == "," and not closed and _continues(words, index, kind):
            starts.append(index)
    if not closed:
        return None
    pieces = []
    for number, begin in enumerate(starts):
        end = words[starts[number + 1]].start if number + 1 < len(starts) else len(clause)
        piece = clause[words[begin].start : end]
        if number + 1 < len(starts):
            piece = re.sub(r"(?:\s*,)?(?:\s+and)?(?:\s+(?:then|also))?[\s,]*$", "", piece)
        pieces.append(piece)
    if kind == "modal":
        modal = words[verb].text
        pieces = [pieces[0], *(f"{modal} {piece}" for piece in pieces[1:])]
    if any(len(piece.split()) < 2 for piece in pieces):
        return None  # "reads and writes files": the first verb lends its object from the last
    if any("," in piece for piece in pieces[:-1]):
        return None  # a list in which the last member only looks like a verb
    return clause[: words[verb].start].strip(), pieces


def _kind(words: list[Token], verb: int) -> str:
    low = words[verb].low
    base, third, regular = verbs()
    if low in MODALS:
        return (
            "modal"
            if verb + 1 < len(words) and (words[verb + 1].low in base or words[verb + 1].low == "be")
            else ""
        )
    if low in third or low in SINGULAR_AUX - {"was"}:
        return "singular"
    if low in PAST or low in regular or low in ("was", "were", "had"):
        return "past"
    return "plural" if low in base or low in PLURAL_AUX - {"were"} else ""


def _continues(words: list[Token], index: int, kind: str) -> bool:
    """Whether the word at index is a verb that goes on with the subject, and no noun."""
    low, after = words[index].low, words[index + 1]
    base, third, regular = verbs()
    object_follows = (
        after.low in DETERMINERS | PREPOSITIONS | {"how", "not", "it", "them"}
        or is_masked(after.text)
        or after.text.isdigit()
        or after.low in ADVERBS
    )
    if kind == "singular":
        return low in ("is", "has", "does") or low in MODALS or (low in third and object_follows)
    if kind == "past":
        return low in ("was", "had", "were") or ((low in regular or low in PAST) and object_follows)
    if kind == "modal":
        return low in base and object_follows and after.low not in PREPOSITIONS
    return (
        low in ("are", "have")
        or low in MODALS
        or (low in base and object_follows and after.low not in PREPOSITIONS)
    )


def shared_subject(clause: str) -> list[str]:
    """A does x and does y."""
    found = _predicates(clause)
    return [f"{found[0]} {predicate}" for predicate in found[1]] if found else []


def _begins_with_verb(predicate: str) -> bool:
    """Whether a finite verb stands first, or second after an adverb."""
    words = tokens(f"It {predicate}")
    verb = finite_verb(words)
    return verb == 1 or (verb == 2 and words[1].low in ADVERBS | {"never", "not"})


def relative(clause: str) -> list[str]:
    """A, which is b, does c. / … the a, which is b."""
    match = re.match(r"^([^,]+), (?:which|who) ([^,]+), (.+)$", clause)
    if match and is_simple(tokens(match.group(1))):
        subject, inner, rest = match.groups()
        if _begins_with_verb(rest) and _begins_with_verb(inner):
            return [f"{subject} {rest}", f"{subject} {inner}"]
        return []
    match = re.match(r"^(.+), (?:which|who) ([^,]+)$", clause)
    if not match:
        return []
    left, inner = match.groups()
    first = inner.split(" ", 1)[0].lower()
    words = tokens(left)
    begin = max(
        (n for n, word in enumerate(words) if word.low in ("the", "this") or is_masked(word.text)),
        default=None,
    )
    if begin is None or first in CLAUSAL or not _begins_with_verb(inner) or len(words) - begin > 4:
        return []
    noun = left[words[begin].start :]
    if any(word.low in PREPOSITIONS | CONJUNCTIONS for word in words[begin:]) or not finite_verb(words):
        return []
    plural = first in PLURAL_AUX
    if is_plural(noun) is not plural and first in SINGULAR_AUX | PLURAL_AUX:
        return []
    return [left, f"{noun} {inner}"]


def apposition(clause: str) -> list[str]:
    """A, a kind of b, does c."""
    match = re.match(r"^([^,]+), ((?:an?|the) [^,]+), (.+)$", clause)
    if not match:
        return []
    subject, noun, rest = match.groups()
    rest_words = tokens(rest)
    if not is_simple(tokens(subject)) or not is_simple(tokens(noun)) or not rest_words:
        return []
    if subject.split()[0].lower() in ("one", "another", "some"):
        return []
    if rest_words[0].low in CONJUNCTIONS or not _begins_with_verb(rest):
        return []
    plural = bool(is_plural(subject))
    named = sum(word[:1].isupper() for word in subject.split()) > 1  # of people in the past one says "was"
    was = named and (rest_words[0].low in PAST | {"was", "were", "had"} or rest_words[0].low.endswith("ed"))
    verb = {(False, False): "is", (False, True): "was", (True, False): "are", (True, True): "were"}[
        (plural, was)
    ]
    return [f"{subject} {rest}", f"{subject} {verb} {noun}"]


def colon(clause: str) -> list[str]:
    """A: b is c. / There are three kinds of a: b, c and d."""
    match = re.match(r"^(.+?): (.+)$", clause)
    if not match:
        return []
    left, right = match.groups()
    if not finite_verb(tokens(left)):
        return []
    kinds = re.match(
        r"^there (?:are|is) ((?:two|three|four|five|six|seven|several|many) .+)$", left, re.IGNORECASE
    )
    items = _items(right)
    if kinds and items:
        return [left, *(f"{item} is one of the {kinds.group(1)}" for item in items)]
    if re.search(r"\b(?:following|below|example|examples|follows|ex)$", left, re.IGNORECASE):
        return []
    words = tokens(right)
    verb = finite_verb(words)
    if verb and is_simple(words[:verb]) and not _conditional(words) and not _conditional(tokens(left)):
        return [left, right]
    return []


def _items(text: str) -> list[str]:
    """The items of "a, b, and c" or "a and b"; none where one is more than a short noun phrase."""
    if not re.search(r" and ", text) or ";" in text or " or " in text:
        return []
    parts = [part.strip() for part in re.split(r", and | and |, ", text) if part.strip()]
    for part in parts:
        words = tokens(part)
        if len(words) > 4 or finite_verb(words) is not None:
            return []
        if any(
            word.low in PREPOSITIONS | CONDITIONS | CONJUNCTIONS | COLLECTIVE | SUBJECTS for word in words
        ):
            return []
    return parts if len(parts) > 1 else []


def objects(clause: str) -> list[str]:
    """A supports x, y and z."""
    words = tokens(clause)
    verb = finite_verb(words)
    if not verb or words[verb].low not in DISTRIBUTIVE or not is_simple(words[:verb]) or _conditional(words):
        return []
    if any(word.low in NEGATIONS | COLLECTIVE for word in words):
        return []
    start = words[verb].end
    items = _items(clause[start:].strip())
    # "the name and value": the second item lends its article from the first
    if not items or not all(
        is_masked(tokens(item)[0].text)
        or tokens(item)[0].low in DETERMINERS
        or looks_plural(item.split()[-1])
        or item[:1].isupper()
        for item in items
    ):
        return []
    if (
        items[0].split()[0].lower() in ("its", "their", "the")
        and items[1].split()[0].lower() not in DETERMINERS
    ):
        return []
    return [f"{clause[:start]} {item}" for item in items]


def subjects(clause: str) -> list[str]:
    """As and bs are c."""
    words = tokens(clause)
    verb = next((n for n, word in enumerate(words) if word.low in ("are", "can", "have")), None)
    if not verb or _conditional(words) or any(word.low in COLLECTIVE | NEGATIONS for word in words):
        return []
    items = _items(clause[: words[verb].start].strip())
    if not items or not all(looks_plural(item.split()[-1]) for item in items):
        return []
    return [f"{item} {clause[words[verb].start :]}" for item in items]


def label(clause: str) -> list[str]:
    """Term: the term is a."""
    left, mark, right = clause.partition(": ")
    words = tokens(right)
    verb = finite_verb(words)
    if not mark or not verb or len(left.split()) > 5 or finite_verb(tokens(left)) or words[0].low in SUBJECTS:
        return []
    return [right] if is_simple(words[:verb]) else []


RULES: list[Rule] = [
    label,
    semicolons,
    concession,
    colon,
    relative,
    apposition,
    coordination,
    shared_subject,
    objects,
    subjects,
]
TRIGGER = re.compile(r"[,;:]| and ")  # without one of these no rule fires
