"""Whether a response to an item is right. Deterministic: words, numbers and the verifier, no language model."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from courses.verification import SUPPORTED, verify, verify_all
from courses.verification.evidence import MATCHED, Match, align
from courses.verification.tables import NEGATORS
from courses.verification.vectors import sentence_spans
from courses.verification.words import Word, lemmas, lexicon, relation, senses, stem, words
from courses.wording import bag
from tutor.accounts.models import User
from tutor.llm.embeddings import EmbeddingError
from tutor.practice.models import Attempt, Item, Skill
from tutor.practice.quantities import Quantity, quantities

log = logging.getLogger(__name__)

LONGEST = 4_000  # characters of a response
RIGHT, PARTIAL, WRONG = Attempt.Outcome.RIGHT, Attempt.Outcome.PARTIAL, Attempt.Outcome.WRONG
COVERED, TOUCHED = 0.7, 0.33  # shares of the answer's own words that make an explanation right, or partly so
APART = bag("different other another else outside wrong foreign")  # say "not this one" without a negation
TELLING = bag(
    "mean itself same different only"
)  # what the verifier passes over, and a definition may turn on
FILLERS = bag(
    """
    a an the it its is are was be called known as this that these they i think believe would say guess maybe answer term
    probably of to in for on and so um well
    """
)


class Refused(ValueError):
    """The response cannot be graded. The message says what to do; nothing is stored and nothing is lost."""


@dataclass(frozen=True, slots=True)
class Grade:
    """What a response is worth."""

    outcome: str  # right | partial | wrong
    score: float  # 0..1
    feedback: str  # words for the person


def attempt(item: Item, user: User, response: str, place: str = "", *, helped: bool = False) -> Attempt:
    """Grade a response and keep it. Raises Refused."""
    if item.state != Item.State.READY:
        raise Refused("This question is not asked any more. Go on to the next one.")
    given = grade(item, response)
    return Attempt.objects.create(
        item=item,
        user=user,
        response=_clean(response),
        outcome=given.outcome,
        score=given.score,
        feedback=given.feedback,
        place=place,
        helped=helped,
    )


def grade(item: Item, response: str) -> Grade:
    """What the response is worth. Raises Refused for one that is empty, unreadable or too long."""
    text = _clean(response)
    if len(text) > LONGEST:
        raise Refused(
            f"Your answer has {len(text):,} characters, and at most {LONGEST:,} are read. Shorten it; nothing was counted."
        )
    if not any(character.isalnum() for character in text):
        raise Refused("There is no answer yet. Write one, or go on to the next question.")
    if item.kind == Item.Kind.CHOICE:
        return _choice(item, text)
    if item.kind == Item.Kind.SHORT:
        return _short(item, text)
    try:
        return _explanation(item, text)
    except EmbeddingError as error:
        log.warning("An explanation could not be graded: %s", error)
        raise Refused(
            "Explanations cannot be graded just now; nothing was counted. Try again in a minute."
        ) from error


def _clean(response: str) -> str:
    text = unicodedata.normalize("NFKC", response.replace("\0", "").encode("utf-8", "replace").decode())
    return text.strip()


def _grade(outcome: str, score: float, feedback: str) -> Grade:
    return Grade(str(outcome), score, feedback)


# Choice --------------------------------------------------------------------------------------------------------------


def _choice(item: Item, text: str) -> Grade:
    def plain(option: str) -> str:
        return " ".join(_clean(option).lower().split()).rstrip(".")

    options = {plain(option): option for option in item.options}
    chosen = options.get(plain(text))
    letter = re.fullmatch(r"\(?([a-z])[).]?", text.lower())
    if chosen is None and letter and ord(letter[1]) - ord("a") < len(item.options):
        chosen = item.options[ord(letter[1]) - ord("a")]
    if chosen is None:
        raise Refused("That is none of the options. Choose one of them.")
    if plain(chosen) == plain(item.answer):
        return _grade(RIGHT, 1.0, f"Right: {_sentence(item.answer)}")
    return _grade(WRONG, 0.0, f"Not {_inside(chosen)}. The answer is: {_sentence(item.answer)}")


# Short ---------------------------------------------------------------------------------------------------------------


def _short(item: Item, text: str) -> Grade:
    given = [_against(answer, text, item) for answer in (item.answer, *item.accepted)]
    return max(given, key=lambda grade: grade.score)


def _against(answer: str, text: str, item: Item) -> Grade:
    """The response beside one text that counts as right."""
    numbers = quantities(answer)
    if numbers:
        return _numbers(numbers, item.answer, text)
    wanted, said = _terms(answer), _terms(text)
    named = " ".join(item.answer.split())
    if _negated(text) != _negated(answer):
        return _grade(WRONG, 0.0, f"That says the opposite. The answer is: {_sentence(named)}")
    if wanted and sorted(map(stem, wanted)) == sorted(map(stem, said)):
        return _grade(RIGHT, 1.0, f"Right: {_sentence(named)}")
    left = list(said)
    misspelt, missing = False, []
    for word in wanted:
        match = next((other for other in left if stem(other) == stem(word)), None)
        if match is None:
            match = next((other for other in left if is_typo(other, word)), None)
            misspelt |= match is not None
        if match is None:
            missing.append(word)
        else:
            left.remove(match)
    if not missing and not left:
        note = f", spelt “{named}”" if misspelt else ""
        return _grade(RIGHT, 1.0, f"Right: {named}{note}.")
    if _names_another(item, said, wanted):
        return _grade(WRONG, 0.0, f"Not quite: that is something else. The answer is: {_sentence(named)}")
    if not missing:
        return _grade(
            PARTIAL, 0.5, f"The answer is in there, with more around it. It is just: {_sentence(named)}"
        )
    if not left and wanted[-1] not in missing and len(missing) * 2 <= len(wanted):
        return _grade(PARTIAL, 0.5, f"That is not precise enough. The full answer is: {_sentence(named)}")
    return _grade(WRONG, 0.0, f"No. The answer is: {_sentence(named)}")


def _terms(text: str) -> list[str]:
    found = re.findall(r"[^\W_]+(?:['’][^\W_]+)?", text.lower().replace("-", " "))
    return [word for word in found if word not in FILLERS] or found


def _negated(text: str) -> bool:
    return any(word.lower in NEGATORS or word.lower.endswith("n't") for word in words(text))


def is_typo(written: str, meant: str) -> bool:
    """Whether a word is a small misspelling of another: one edit from 5 letters, two from 8, not another real word.

    Numbers are never misspelt, and neither is an opposite (independent, dependent).
    """
    written, meant = written.lower(), meant.lower()
    if any(character.isdigit() for character in written + meant) or written[:1] != meant[:1]:
        return False
    if lemmas(written) or relation(written, meant).opposite:
        return False
    allowed = 0 if len(meant) < 5 else 1 if len(meant) < 8 else 2
    return edits(written, meant) <= allowed


def edits(one: str, other: str) -> int:
    """Edit distance, a swap of neighbours counting as one (optimal string alignment)."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]


def _names_another(item: Item, said: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether the response names another concept of the course, alone or beside the answer ("mean or median")."""
    mine = {stem(word) for word in wanted}
    given = [stem(word) for word in said]
    names = (
        Skill.objects.filter(course=item.course_id).exclude(pk=item.skill_id).values_list("name", flat=True)
    )
    for name in [*names, *item.options]:
        parts = [stem(word) for word in _terms(name)]
        if set(parts) <= mine:
            continue  # a part of the answer itself
        if parts and set(parts) <= set(given):
            return True
    return False


def _numbers(wanted: Sequence[Quantity], answer: str, text: str) -> Grade:
    said = quantities(text)
    right = f"The answer is: {_sentence(answer)}"
    if not said:
        return _grade(WRONG, 0.0, f"A number is asked for. {right}")
    if len(said) != len(wanted) or _negated(text):
        return _grade(WRONG, 0.0, right)
    pairs = list(zip(wanted, said, strict=True))
    if all(_agrees(want, have) for want, have in pairs):
        return _grade(RIGHT, 1.0, f"Right: {_sentence(answer)}")
    if all(_agrees(want, have) or (not have.unit and want.value == have.value) for want, have in pairs):
        return _grade(PARTIAL, 0.5, f"The number is right; its unit is missing. {right}")
    if all(want.value == have.value for want, have in pairs):
        return _grade(WRONG, 0.0, f"The number is right, but not with that unit. {right}")
    return _grade(WRONG, 0.0, f"No. {right}")


def _agrees(want: Quantity, have: Quantity) -> bool:
    if want.equals(have):
        return True
    shares = {want.kind, have.kind} == {"share", ""}  # 50 % is 0.5, and zero needs no unit
    return (shares and abs(want.size - have.size) < 1e-9) or want.value == have.value == 0


# Explanation ---------------------------------------------------------------------------------------------------------


def _explanation(item: Item, text: str) -> Grade:
    """Compared both ways: does the response say what the answer says, and does the material contradict it."""
    says = f"The material says: {_sentence(item.explanation or item.answer)}"
    found = compare(item, text)
    if found.opposed:
        return _grade(WRONG, 0.0, f"The material says otherwise than “{_short_of(found.opposed)}”. {says}")
    if found.share >= COVERED or verify(item.answer, [text]).verdict == SUPPORTED:
        against = _contradicted(item, text)
        if against:
            said = f"The point is right, but the material says otherwise than “{_short_of(against)}”."
            return _grade(PARTIAL, 0.5, f"{said} {says}")
        return _grade(RIGHT, 1.0, f"Right. {says}")
    if found.share >= TOUCHED:
        named = ", ".join(f"“{word}”" for word in found.missing[:3])
        return _grade(PARTIAL, 0.5, f"Partly. Say something about {named} too. {says}")
    return _grade(WRONG, 0.0, f"That is not it. {says}")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A response beside the answer to an explanation."""

    share: float  # of the answer's own content words that the response has in some form
    missing: list[str]  # those it lacks
    opposed: str  # the words that say the opposite; "" for none


def compare(item: Item, text: str) -> Comparison:
    """How much of the answer a response holds. What the question itself says does not count: to repeat it answers nothing."""
    asked = {word.key for word in words(item.prompt) if word.content or word.lower in TELLING}
    answer, said = words(item.answer), words(text)
    own = [
        (word, match)
        for word, match in zip(answer, align(answer, said), strict=True)
        if match is not None and word.key not in asked
    ]
    own += [
        (word, Match(1.0, at, literal=1.0) if (at := _index(said, word.lower)) >= 0 else Match(0.0, -1))
        for word in answer
        if not word.content and word.lower in TELLING and word.key not in asked
    ]
    if not own or not said:
        return Comparison(0.0, [], "")
    held = {word.key for word in answer}
    met, missing, opposed = 0, [], ""
    for word, match in own:
        other = next(
            (other for other in said if other.key not in held and opposite(word.lower, other.lower)), None
        )
        if match.literal < 1 and other is not None:
            opposed = opposed or other.text
        elif match.strength >= MATCHED:
            met += 1
        else:
            missing.append(word.text)
    share = met / len(own)
    if not opposed and share >= TOUCHED and _denies(own, said):
        opposed = text
    return Comparison(share, missing, opposed)


def _index(said: Sequence[Word], lower: str) -> int:
    return next((i for i, word in enumerate(said) if word.lower == lower), -1)


def _denies(own: Sequence[tuple[Word, Match]], said: Sequence[Word]) -> bool:
    """Whether only one of the two negates what both say."""
    denied = [match for word, match in own if word.negated]
    if denied:
        repeated = sum(match.strength >= MATCHED for match in denied) * 2 > len(denied)
        return repeated and not any(word.negated or word.lower in APART for word in said)
    return any(said[match.at].negated for _, match in own if match.at >= 0)


def opposite(one: str, other: str) -> bool:
    """Whether two words, in any of their forms, are opposites: smallest and largest, slowly and rapidly."""
    if relation(one, other).opposite:
        return True
    if stem(one) == stem(other):
        return False
    table: Mapping[str, Sequence[str]] = lexicon()["opposites"]  # type: ignore[assignment]
    against = {far for word in lemmas(one) for far in table.get(word, ())}
    return any(far == word or senses(far) & senses(word) for far in against for word in lemmas(other))


def _contradicted(item: Item, text: str) -> str:
    """A sentence of the response, beside the point, that the passage contradicts; "" for none."""
    apart = [text[a:b] for a, b in sentence_spans(text) if compare(item, text[a:b]).share < TOUCHED]
    if not apart:
        return ""
    evidence = [item.passage.text if item.passage else item.quote, item.answer]
    found = zip(apart, verify_all(apart, evidence), strict=True)
    return next((claim for claim, verdict in found if verdict.contradicted), "")


def _short_of(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:117].rstrip()}…"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _inside(option: str) -> str:
    return f"“{option.rstrip('.')}”"
