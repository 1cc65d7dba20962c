"""What the material itself says to a question: the statements that answer it, in its words and its order.

A weak model's answer starts from these, and whatever it says without support gives way to them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from courses.search import Hit
from courses.verification.vectors import vectors_of
from courses.verification.words import words
from tutor.chat import polar
from tutor.chat.answerability import ANSWERS, Rarity, asked_for, covered
from tutor.chat.aspects import aspect_of, subject_words
from tutor.chat.growing import (
    EXAMPLE,
    LONGEST_LIST,
    WANTS_LIST,
    WANTS_STEPS,
    formula,
    grown,
    listing,
    whole_list,
)
from tutor.chat.layout import Layout, Piece, heading, layouts
from tutor.chat.rewriting import topic
from tutor.chat.statement import Statement, repeats

BRIEF = 80  # characters up to which what follows such a question is no answer yet
LOOKED_INTO = 6  # hits
MOST = 4  # statements of an answer
LONGEST = 900  # characters of an answer made of statements, listings not counted
RELATIVE = 0.82  # share of the best statement's score that a further one needs
RELATIVE_FACT = 0.9  # the same where a single fact is asked for
DEFINITION = 0.2
KIND_OF = 0.08  # the same for a statement that defines one kind of what is asked for
SOUNDS = 0.12  # where a statement says what is asked of the subject: a reason, an advantage
ITSELF = 0.15  # where a statement speaks of one side of a comparison itself
ASIDE = 0.12  # less for what stands in an exercise
DECIDING = 24  # of the best statements, by which a yes/no question is decided
SHORT = 120  # characters up to which the deciding one gets two others beside it, else one
SAID_IN_LIST = 0.85  # share of a statement's words from which a list that follows says it as well

LEANING = re.compile(
    r"^(?:this|that|these|those|it|its|they|their|them|such|he|she|his|her|here|there(?!\s+(?:is|are|was|were)\b)(?:fore)?|thus|hence|then|so|but|and|or"
    r"|however|moreover|furthermore|also|otherwise|similarly|likewise|in (?:this|that|these|such|both|addition|contrast|turn)"
    r"|(?:today|now|sometimes|often|usually|if|when)\s+(?:it|they|this|that)"
    r"|for (?:this|that) reason|as a result|instead|consequently|in other words|that is"
    r"|the (?:first|second|third)(?: one)? (?:is|are|was|were|has|have|can|may|will|does|of)"
    r"|the (?:above|latter|former|following|same|other|result) )\b",
    re.IGNORECASE,
)
UNFINISHED = re.compile(
    r"(?::|\b(?:when|where|if|and|or|of|by|is|are|as|to|the|that|with))\s*$", re.IGNORECASE
)
STOPPED = re.compile(r"[.!?;][\"'”’)*_\s]*$")
POINTING = re.compile(
    r"\b(?:this|these|that|those|such)\s+(?:behaviou?r|cases?|ways?|reasons?|values?|methods?|approach|problems?|technique|process"
    r"|property|properties|situations?|errors?|rule|formula|equation|result|effect)\b",
    re.IGNORECASE,
)
FURTHER = re.compile(
    r"^(?:another|additionally|in addition|also|second(?:ly)?|third(?:ly)?|finally|overall)\b", re.IGNORECASE
)
POSES = re.compile(  # a question that the lecture puts to itself, and goes on to answer
    r"\?\W*$|^(?:you|one|we|some(?:body|one)?) (?:may|might|could|will)(?: now| well| also)? (?:ask|wonder)\b",
    re.IGNORECASE,
)
AIMLESS = re.compile(
    r"^\W*(?:throughout (?:the|this) (?:book|course|chapter|lecture)|for more (?:details|information)"
    r"|your (?:program|task|code)\b"
    r"|in this (?:section|chapter|lecture|module|course)|this (?:chapter|section|lecture|book|module|course)|lines? \d"
    r"|the (?:first|second|third|last) (?:half|section|part) of"
    r"|(?:the|a) (?:example|code|program|table|figure|animation) (?:above|below)"
    r"|the following|later (?:chapters|sections)|examples? (?:of|are)|today\s*:|highlights? (?:of|from)|homework|agenda|outline"
    r"|(?:figure|table|listing) [\d“\"']|exercise\b|solution\b|answer\b|hint\b)",
    re.IGNORECASE,
)
SHOWN = re.compile(
    r"\b(?:above|below)\b|\bfollowing (?:table|figure|code|example|program)\b|\b(?:animation|screenshot|illustration)\b",
    re.IGNORECASE,
)
DEFINING = (
    r"(?:is|are|means?|refers?\s+to|defines?|denotes?|consists?\s+of|describes?|represents?|was|were"
    r"|stands?\s+for|replaces?|estimates?|measures?)\b"
)
WHAT_IS = re.compile(
    r"^\W*(?:(?:please|so|and)\W+)*(?:what(?:'s|\s+is|\s+are|\s+does|\s+was|\s+were)|define|explain|describe|tell\s+me\s+about)\b",
    re.IGNORECASE,
)
TWO = re.compile(
    r"\b(?:between|compare|contrast|difference)\s+(?P<one>.+?)\s+(?:and|with|to|from)\s+(?P<two>[^?.,]+)"
    r"|\b(?:use|need|prefer|choose)\s+(?P<e>.+?)\s+(?:instead\s+of|rather\s+than|over)\s+(?P<f>[^?.,]+)"
    r"|^\W*(?P<a>[\w`()'-]+(?:\s+[\w`()'-]+)?)\s+(?:vs\.?|versus)\s+(?P<b>[^?.,]+)"
    r"|\bhow\s+(?:do|does|is|are)\s+(?P<c>.+?)\s+(?:differ(?:ent)?\s+from|compare\s+(?:to|with))\s+(?P<d>[^?.,]+)",
    re.IGNORECASE,
)
FOLLOWS = (  # a noun, and not another one that it only tells the kind of
    r"(?:is|are|was|were|can|cannot|has|have|does|do|may|must|will|uses?|stores?|holds?|contains?|objects?|in|of|that|which|and|or|with"
    r"|to|on|by|for|from|whereas|while|but|than|when|if|as)\b"
)
FACT = ("who", "whom", "whose", "when", "where", "how many", "how much", "how long", "how old")


def statements(question: str, hits: Sequence[Hit], rarity: Rarity) -> list[Statement]:
    """The best statements of the hits for a question, the one that answers it most, or decides it, first."""
    if hits and hits[0].passage.pinned:  # the staff has answered this very question
        return [_staff_answer(hits[0])]
    found = layouts([hit.passage for hit in hits[:LOOKED_INTO]])
    pool = candidates(question, hits, found, rarity)
    if not pool:
        return []
    pool.sort(key=lambda one: -one.score)
    decision = polar.decided(question, [one.source for one in pool[:DECIDING]])
    if decision is not None:
        yes, place = decision
        first = replace(pool[place], lead="Yes." if yes else "No.")
        beside = [one for one in _best(question, pool) if not repeats(one, first)]
        return arranged(question, [first, *beside[: 1 if len(first.source) > SHORT else 2]], found)
    chosen = _both_sides(question, pool) or _best(question, pool)
    return arranged(question, chosen, found)


def arranged(question: str, chosen: list[Statement], found: Sequence[Layout]) -> list[Statement]:
    """The chosen statements with what belongs to them, each passage's together and in its order, the first one first."""
    first = chosen[0].passage.pk
    in_order = WANTS_STEPS.search(question) or FURTHER.match(chosen[0].source)
    order = (
        0 if in_order else 1
    )  # what goes on from something does not come first, nor a step before what it serves
    chosen[order:] = sorted(chosen[order:], key=lambda one: (one.passage.pk != first, one.rank, one.start))
    by_passage = {layout.passage.pk: layout for layout in found}
    whole: list[Statement] = []
    for statement in chosen:
        if any(
            statement.passage.pk == other.passage.pk
            and statement.start < other.end
            and other.start < statement.end
            for other in whole
        ):
            continue  # what belongs to an earlier statement took it in
        whole += grown(statement, question, by_passage[statement.passage.pk], [*whole, *chosen])
    whole += listing(question, found, whole)
    whole += formula(question, found, whole)
    whole = [one for one in whole if not any(_within(one, other) for other in whole)]
    plain = [one for one in whole if one.listing is None and "\n" not in one.source]
    if WANTS_LIST.search(question) and len(plain) == len(whole) >= 3:
        return [replace(one, item=True) for one in whole]
    return whole


def _within(one: Statement, other: Statement) -> bool:
    """Whether a longer statement, a list, says all of a shorter one."""
    if one is other or one.listing is not None or len(other.source) < 1.5 * len(one.source):
        return False
    mine, theirs = ({word.key for word in words(text.source) if word.content} for text in (one, other))
    return "\n" in other.source and len(mine & theirs) >= SAID_IN_LIST * len(mine)


def _staff_answer(hit: Hit) -> Statement:
    """A pinned answer as a whole, without the question that stands above it."""
    text = hit.passage.text
    start = text.find("\n\n") + 2 if "\n\n" in text else 0
    return Statement(hit.passage, start, len(text), 1.0, vectors_of([text[start:]])[0], 0)


def _best(question: str, pool: list[Statement]) -> list[Statement]:
    pool = sorted(pool, key=lambda one: -one.score)
    chosen = [pool[0]]
    fact = asked_for(question) in FACT
    least = (RELATIVE_FACT if fact else RELATIVE) * (pool[0].score - pool[0].defines)
    most = 2 if fact else MOST - 1 if pool[0].defines else MOST
    aspect = aspect_of(question)
    says = aspect.says if aspect is not None and aspect.tells and aspect.says.search(pool[0].source) else None
    for statement in pool[1:]:
        if len(chosen) >= most or statement.score < least:
            break
        if fact and statement.passage.pk != pool[0].passage.pk:
            continue
        if says is not None and not says.search(statement.source):
            continue
        if any(repeats(statement, other) for other in chosen):
            continue
        if sum(len(other.source) for other in chosen) + len(statement.source) > LONGEST:
            continue
        chosen.append(statement)
    return chosen


def sides(question: str) -> list[str]:
    """The two things that a question compares; [] where it compares none."""
    found = TWO.search(question)
    both = [text.strip() for text in found.groups() if text] if found is not None else []
    return both if len(both) == 2 and all(any(word.content for word in words(side)) for side in both) else []


def _both_sides(question: str, pool: Sequence[Statement]) -> list[Statement]:
    """For a question that compares: the statement that sets both against each other, and what each one is."""
    both = sides(question)
    keys = [{word.key for word in words(side) if word.content} for side in both]
    if not both:
        return []
    held = [{word.key for word in words(statement.source)} for statement in pool]
    ranked = sorted(range(len(pool)), key=lambda i: -pool[i].score)
    contrast = aspect_of(question)
    against = [i for i in ranked if all(key <= held[i] for key in keys)]
    if contrast is not None:
        against.sort(
            key=lambda i: (
                not contrast.says.search(pool[i].source),
                not all(_alone(side, pool[i].source) for side in both),
            )
        )
    chosen = [pool[i] for i in against[:2]]
    for side, key, other in ((both[0], keys[0], keys[1]), (both[1], keys[1], keys[0])):
        is_what = defining(f"What is {side}?")
        alone = sorted(
            (i for i in ranked if key <= held[i] and not other <= held[i]),
            key=lambda i: (
                -pool[i].score
                - _leads(pool[i], key)
                - _defines(is_what, pool[i].source)
                - (ITSELF if _alone(side, pool[i].source) else 0.0)
            ),
        )
        chosen += [pool[i] for i in alone[:1] if not any(repeats(pool[i], one) for one in chosen)]
    return chosen


def _alone(side: str, text: str) -> bool:
    """Whether a text speaks of the thing itself: of lists, not only of list comprehensions."""
    name = re.escape(re.sub(r"^(?:an?|the)\s+", "", side, flags=re.IGNORECASE))
    return bool(re.search(rf"\b{name}(?:s|es)?\b[`*]*(?=\s+{FOLLOWS}|\s*[.,;:)]|\s*$)", text, re.IGNORECASE))


def _leads(statement: Statement, keys: set[str]) -> float:
    """A bonus where the statement begins with what it is to be about."""
    content = [word.key for word in words(statement.source) if word.content]
    return 0.15 if keys & set(content[: len(keys) + 1]) else 0.0


def defining(question: str) -> re.Pattern[str] | None:
    """What a definition of the thing asked for looks like, for questions that ask what something is.

    The group "kind" holds what makes it the definition of one kind of the thing.
    """
    subject = topic(question)
    if not subject or not WHAT_IS.match(question):
        return None
    name = rf"[`*\"']*{re.escape(re.sub(r'^(?:an?|the) ', '', subject, flags=re.IGNORECASE))}(?:s|es)?[`*\"']*(?:\(\))?"
    return re.compile(
        rf"^(?:in\s+[\w\s]+,\s+)?(?:(?:an?|the|most)\s+)?(?P<kind>(?:[\w-]+\s+){{0,2}}?){name}(?:\s+\([^)]*\)|\s+of\s+\w+\s+[\w$]+)?"
        rf"(?:\s+(?:function|method|statement|operator|object|class))?\s+{DEFINING}"
        rf"|\({name}\)\s+{DEFINING}|\b(?:is|are)\s+(?:known\s+as|called|termed|named)\s+(?:an?\s+|the\s+)?{name}\b",
        re.IGNORECASE,
    )


def _defines(definition: re.Pattern[str] | None, text: str) -> float:
    """The bonus of a text that defines what is asked for; 0 for one that does not."""
    found = definition.search(text) if definition is not None else None
    return 0.0 if found is None else KIND_OF if found["kind"] else DEFINITION


def candidates(
    question: str, hits: Sequence[Hit], found: Sequence[Layout], rarity: Rarity
) -> list[Statement]:
    """All that the passages state, scored by how well it answers the question."""
    telling = subject_words(question)
    weigh = [max(rarity(word.text), 0.05) for word in telling]
    pattern = ANSWERS.get(asked_for(question))
    definition = defining(question)
    asked_digits = any(word.kind == "number" for word in words(question))
    aspect = aspect_of(question)
    keys = {word.key for word in telling}
    spots = [
        spot
        for rank, layout in enumerate(found)
        for spot in stated(rank, layout)
        if not spot.row or any(word.key in keys for word in words(spot.row))
    ]
    if not spots:
        return []
    texts = [spot.row or found[spot.rank].passage.text[spot.posed : spot.end] for spot in spots]
    titles = [heading(found[spot.rank].passage) for spot in spots]
    vectors = vectors_of(
        [question, *texts, *(f"{title}: {text}" for title, text in zip(titles, texts, strict=True))]
    )
    asked, plain, titled = vectors[0], vectors[1 : 1 + len(texts)], vectors[1 + len(texts) :]
    pool: list[Statement] = []
    for i, (spot, text, title) in enumerate(zip(spots, texts, titles, strict=True)):
        passage = hits[spot.rank].passage
        bonus = _defines(definition, text)
        score = 0.55 * float(plain[i] @ asked) + 0.25 * float(titled[i] @ asked)
        score += 0.25 * covered(telling, weigh, text) + 0.1 * covered(telling, weigh, f"{title} {text}")
        score += 0.06 / (1 + spot.rank) + (0.15 if passage.pinned else 0.0) + bonus
        if (
            definition is not None and not asked_digits and re.search(r"\d", text)
        ):  # a worked example, not the definition
            score -= 0.15 if bonus else 0.08
        if pattern is not None:
            score += 0.08 if pattern.search(text) else -0.05
        if (
            aspect is not None
            and aspect.says.search(text)
            and covered(telling, weigh, f"{title} {text}") >= 0.5
        ):
            score += SOUNDS
        if spot.aside:
            score -= ASIDE
        if SHOWN.search(text):
            score -= 0.1
        if EXAMPLE.match(text):
            score -= 0.08
        if len(text) > 500:
            score -= 0.06
        if sum(word.content for word in words(text)) < 4:
            score -= 0.1
        pool.append(Statement(passage, spot.start, spot.end, score, plain[i], spot.rank, bonus, row=spot.row))
    return pool


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a passage states something, offsets in its text. `posed` is where the question begins that it is the answer to,
    its own start where there is none; `row` is what it says where it is a table's row."""

    rank: int
    start: int
    end: int
    aside: bool
    posed: int
    row: str = ""


def stated(rank: int, layout: Layout) -> list[Spot]:
    """Where a passage has statements: sentences, items and rows.

    One that leans on the last sentence takes it in; one that introduces a formula or a short list takes that in.
    """
    found: list[Spot] = []
    previous: Piece | None = None
    posed: Piece | None = None
    for i, piece in enumerate(layout.pieces):
        text = layout.text(piece)
        if piece.kind == "row":
            found.append(Spot(rank, piece.start, piece.end, piece.aside, piece.start, piece.said))
            continue
        if piece.kind == "sentence" and POSES.search(text) and not piece.aside:
            previous, posed = None, piece
            continue
        follows = layout.pieces[i + 1] if i + 1 < len(layout.pieces) else None
        usable = piece.kind in ("sentence", "item") and piece.claims and not AIMLESS.match(text)
        start, end = piece.start, piece.end
        leads = follows is not None and follows.kind == "formula" and not STOPPED.search(text)
        if usable and (leads or UNFINISHED.search(text)):
            whole = whole_list(layout, i + 1) if follows is not None and follows.kind == "item" else None
            if follows is not None and follows.kind == "formula":
                end = follows.end
            elif whole is not None and whole[1] - start <= LONGEST_LIST:
                end = whole[1]
            else:
                usable = False
        if usable and sum(word.content for word in words(text)) >= 2:
            if posed is not None and piece.kind == "sentence":
                if (
                    end - start < BRIEF
                    and follows is not None
                    and follows.kind == "sentence"
                    and follows.claims
                ):
                    end = follows.end
                found.append(Spot(rank, start, end, piece.aside, posed.start))
            elif piece.kind == "sentence" and (LEANING.match(text) or POINTING.search(text)):
                before = previous is not None and not AIMLESS.match(layout.text(previous))
                if previous is not None and before:
                    found.append(Spot(rank, previous.start, end, piece.aside, previous.start))
            else:
                found.append(Spot(rank, start, end, piece.aside, start))
        previous = piece if piece.kind == "sentence" and piece.claims else None
        posed = None
    return found
