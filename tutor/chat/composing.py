"""What the material itself says to a question: the statements that answer it, in its words and its order.

A weak model's answer starts from these, and whatever it says without support gives way to them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from courses.models import Passage
from courses.search import Hit
from courses.verification.vectors import vectors_of
from courses.verification.words import words
from tutor.chat.answerability import ANSWERS, Rarity, asked_for, covered
from tutor.chat.layout import Layout, Piece, heading, layouts
from tutor.chat.rewriting import topic

LOOKED_INTO = 6  # hits
MOST = 4  # statements of an answer
LONGEST = 900  # characters of an answer made of statements, listings not counted
LONGEST_LIST = 1_100
LONGEST_LISTING = 1_000
RELATIVE = 0.82  # share of the best statement's score that a further one needs
RELATIVE_FACT = 0.9  # the same where a single fact is asked for
ALIKE = 0.88  # cosine from which two statements say the same
SAME_WORDS = 0.7  # share of words from which they do, whatever the cosine
DEFINITION = 0.2

LEANING = re.compile(
    r"^(?:this|that|these|those|it|its|they|their|them|such|he|she|his|her|here|there(?:fore)?|thus|hence|then|so|but|and|or"
    r"|however|moreover|furthermore|also|otherwise|similarly|likewise|in (?:this|that|these|such|both|addition|contrast|turn)"
    r"|for (?:this|that) reason|as a result|instead|consequently|in other words|that is"
    r"|the (?:first|second|third)(?: one)? (?:is|are|was|were|has|have|can|may|will|does|of)"
    r"|the (?:above|latter|former|following|same|other|result) )\b",
    re.IGNORECASE,
)
POINTING = re.compile(
    r"\b(?:this|these|that|those|such)\s+(?:behaviou?r|cases?|ways?|reasons?|values?|methods?|approach|problems?|technique|process"
    r"|property|properties|situations?|errors?|rule|formula|equation|result|effect)\b",
    re.IGNORECASE,
)
FURTHER = re.compile(
    r"^(?:another|additionally|in addition|also|second(?:ly)?|third(?:ly)?|finally|overall)\b", re.IGNORECASE
)
EXAMPLE = re.compile(
    r"^\W*(?:ex\b|e\.g\.|for (?:example|instance)|that is|i\.e\.|in other words|note\b)", re.IGNORECASE
)
AIMLESS = re.compile(
    r"^\W*(?:in this (?:section|chapter|lecture|module|course)|this (?:chapter|section|lecture|book|module|course)|lines? \d"
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
DEFINING = r"(?:is|are|means?|refers?\s+to|defines?|denotes?|consists?\s+of|describes?|represents?|was|were|stands?\s+for)\b"
WHAT_IS = re.compile(
    r"^\W*(?:(?:please|so|and)\W+)*(?:what(?:'s|\s+is|\s+are|\s+does|\s+was|\s+were)|define|explain|describe|tell\s+me\s+about)\b",
    re.IGNORECASE,
)
WANTS_CODE = re.compile(
    r"\b(?:code|syntax|example|write|program|snippet|implement|look like|how\s+(?:do|can|to|would|should))\b",
    re.IGNORECASE,
)
WANTS_LIST = re.compile(
    r"^\W*list\b|\blist (?:all|the|of all)\b|\bname|\bwhich"
    r"|\b(?:types|kinds|ways|steps|parts|features|examples|advantages|disadvantages|reasons|modes|methods|rules|properties)\b",
    re.IGNORECASE,
)
WANTS_FORMULA = re.compile(
    r"\b(?:formula|equation|calculat\w*|comput\w*|defin\w*|what|how|derive|express\w*)\b", re.IGNORECASE
)
TWO = re.compile(
    r"\b(?:between|compare|contrast)\s+(?P<one>.+?)\s+(?:and|with|to|from)\s+(?P<two>[^?.,]+)"
    r"|^\W*(?P<a>[\w`()'-]+(?:\s+[\w`()'-]+)?)\s+(?:vs\.?|versus)\s+(?P<b>[^?.,]+)"
    r"|\bhow\s+(?:do|does|is|are)\s+(?P<c>.+?)\s+(?:differ(?:ent)?\s+from|compare\s+(?:to|with))\s+(?P<d>[^?.,]+)",
    re.IGNORECASE,
)
FACT = ("who", "whom", "whose", "when", "where", "how many", "how much", "how long", "how old")

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Statement:
    """Words of a passage that stand on their own; start and end are offsets in the passage's text."""

    passage: Passage
    start: int
    end: int
    score: float
    vector: Vector
    rank: int  # of the passage among the hits
    defines: bool = False
    listing: str | None = None  # language of a listing, "" for an unknown one

    @property
    def source(self) -> str:
        return self.passage.text[self.start : self.end]

    @property
    def text(self) -> str:
        """As it is shown: a listing is fenced, all else is the passage's Markdown."""
        if self.listing is None:
            said = self.source.strip().replace("\u200b", "")
            return " ".join(said.split()) if self.passage.kind == "speech" else said
        return f"```{self.listing}\n{self.source.strip(chr(10))}\n```"


def statements(question: str, hits: Sequence[Hit], rarity: Rarity) -> list[Statement]:
    """The best statements of the hits for a question, the one that answers it most first."""
    if hits and hits[0].passage.pinned:  # the staff has answered this very question
        return [_staff_answer(hits[0])]
    found = layouts([hit.passage for hit in hits[:LOOKED_INTO]])
    pool = _candidates(question, hits, found, rarity)
    if not pool:
        return []
    chosen = _both_sides(question, pool) or _best(question, pool)
    first = chosen[0].passage.pk
    order = 0 if FURTHER.match(chosen[0].source) else 1  # what goes on from something does not come first
    chosen[order:] = sorted(chosen[order:], key=lambda one: (one.passage.pk != first, one.rank, one.start))
    by_passage = {layout.passage.pk: layout for layout in found}
    grown: list[Statement] = []
    for statement in chosen:
        if any(
            statement.passage.pk == other.passage.pk
            and statement.start < other.end
            and other.start < statement.end
            for other in grown
        ):
            continue  # what belongs to an earlier statement took it in
        grown += _grown(statement, question, by_passage[statement.passage.pk], [*grown, *chosen])
    return grown + _listing(question, found, grown) + _formula(question, found, grown)


def _staff_answer(hit: Hit) -> Statement:
    """A pinned answer as a whole, without the question that stands above it."""
    text = hit.passage.text
    start = text.find("\n\n") + 2 if "\n\n" in text else 0
    return Statement(hit.passage, start, len(text), 1.0, vectors_of([text[start:]])[0], 0)


def _best(question: str, pool: list[Statement]) -> list[Statement]:
    pool = sorted(pool, key=lambda one: -one.score)
    chosen = [pool[0]]
    fact = asked_for(question) in FACT
    least = (RELATIVE_FACT if fact else RELATIVE) * (pool[0].score - (DEFINITION if pool[0].defines else 0.0))
    most = 2 if fact else MOST
    for statement in pool[1:]:
        if len(chosen) >= most or statement.score < least:
            break
        if fact and statement.passage.pk != pool[0].passage.pk:
            continue
        if any(_repeats(statement, other) for other in chosen):
            continue
        if sum(len(other.source) for other in chosen) + len(statement.source) > LONGEST:
            continue
        chosen.append(statement)
    return chosen


def _both_sides(question: str, pool: Sequence[Statement]) -> list[Statement]:
    """For a question that compares: a statement about both, and the best one about each side."""
    found = TWO.search(question)
    if found is None:
        return []
    sides = [text for text in found.groups() if text]
    keys = [{word.key for word in words(side) if word.content} for side in sides[:2]]
    if len(keys) < 2 or not all(keys):
        return []
    held = [{word.key for word in words(statement.source)} for statement in pool]
    ranked = sorted(range(len(pool)), key=lambda i: -pool[i].score)
    both = [i for i in ranked if all(key <= held[i] for key in keys)][:2]
    chosen = [pool[i] for i in both]
    for key, other in ((keys[0], keys[1]), (keys[1], keys[0])):
        alone = sorted(
            (i for i in ranked if key <= held[i] and not other <= held[i]),
            key=lambda i: -pool[i].score - _leads(pool[i], key),
        )
        chosen += [pool[i] for i in alone[:1] if not any(_repeats(pool[i], one) for one in chosen)]
    return chosen


def _leads(statement: Statement, keys: set[str]) -> float:
    """A bonus where the statement begins with what it is to be about."""
    content = [word.key for word in words(statement.source) if word.content]
    return 0.15 if keys & set(content[: len(keys) + 1]) else 0.0


def defining(question: str) -> re.Pattern[str] | None:
    """What a definition of the thing asked for looks like, for questions that ask what something is."""
    subject = topic(question)
    if not subject or not WHAT_IS.match(question):
        return None
    name = rf"[`*\"']*{re.escape(re.sub(r'^(?:an?|the) ', '', subject, flags=re.IGNORECASE))}(?:s|es)?[`*\"']*(?:\(\))?"
    return re.compile(
        rf"^(?:in\s+[\w\s]+,\s+)?(?:(?:an?|the|most)\s+)?(?:[\w-]+\s+){{0,2}}?{name}(?:\s+\([^)]*\))?"
        rf"(?:\s+(?:function|method|statement|operator|object|class))?\s+{DEFINING}"
        rf"|\({name}\)\s+{DEFINING}|\b(?:is|are)\s+(?:known\s+as|called|termed|named)\s+(?:an?\s+|the\s+)?{name}\b",
        re.IGNORECASE,
    )


def _candidates(
    question: str, hits: Sequence[Hit], found: Sequence[Layout], rarity: Rarity
) -> list[Statement]:
    telling = [word for word in words(question) if word.content and word.kind != "symbol"]
    weigh = [max(rarity(word.text), 0.05) for word in telling]
    pattern = ANSWERS.get(asked_for(question))
    definition = defining(question)
    asked_digits = any(word.kind == "number" for word in words(question))
    spots = [(rank, start, end) for rank, layout in enumerate(found) for start, end in _spots(layout)]
    if not spots:
        return []
    texts = [found[rank].passage.text[start:end] for rank, start, end in spots]
    titles = [heading(found[rank].passage) for rank, _, _ in spots]
    vectors = vectors_of(
        [question, *texts, *(f"{title}: {text}" for title, text in zip(titles, texts, strict=True))]
    )
    asked, plain, titled = vectors[0], vectors[1 : 1 + len(texts)], vectors[1 + len(texts) :]
    pool: list[Statement] = []
    for i, ((rank, start, end), text, title) in enumerate(zip(spots, texts, titles, strict=True)):
        passage = hits[rank].passage
        defines = definition is not None and bool(definition.search(text))
        score = 0.55 * float(plain[i] @ asked) + 0.25 * float(titled[i] @ asked)
        score += 0.25 * covered(telling, weigh, text) + 0.1 * covered(telling, weigh, f"{title} {text}")
        score += 0.06 / (1 + rank) + (0.15 if passage.pinned else 0.0) + (DEFINITION if defines else 0.0)
        if defines and not asked_digits and re.search(r"\d", text):  # a worked example, not the definition
            score -= 0.15
        if pattern is not None:
            score += 0.08 if pattern.search(text) else -0.05
        if SHOWN.search(text):
            score -= 0.1
        if EXAMPLE.match(text):
            score -= 0.08
        if len(text) > 500:
            score -= 0.06
        if sum(word.content for word in words(text)) < 4:
            score -= 0.1
        pool.append(Statement(passage, start, end, score, plain[i], rank, defines))
    return pool


def _spots(layout: Layout) -> list[tuple[int, int]]:
    """Where a passage has statements: sentences and items.

    One that leans on the last sentence takes it in; one that introduces a formula or a short list takes that in.
    """
    found: list[tuple[int, int]] = []
    previous: Piece | None = None
    for i, piece in enumerate(layout.pieces):
        text = layout.text(piece)
        usable = piece.kind in ("sentence", "item") and piece.claims and not AIMLESS.match(text)
        start, end = piece.start, piece.end
        if usable and text.rstrip().endswith(":"):
            follows = layout.pieces[i + 1] if i + 1 < len(layout.pieces) else None
            whole = _whole_list(layout, i + 1) if follows is not None and follows.kind == "item" else None
            if follows is not None and follows.kind == "formula":
                end = follows.end
            elif whole is not None and whole[1] - start <= LONGEST_LIST:
                end = whole[1]
            else:
                usable = False
        if usable and sum(word.content for word in words(text)) >= 2:
            if piece.kind == "sentence" and (LEANING.match(text) or POINTING.search(text)):
                before = previous is not None and not AIMLESS.match(layout.text(previous))
                if previous is not None and before:
                    found.append((previous.start, end))
            else:
                found.append((start, end))
        previous = piece if piece.kind == "sentence" and piece.claims else None
    return found


def _repeats(one: Statement, other: Statement) -> bool:
    """Whether two statements say the same, or share words of the passage."""
    if one.passage.pk == other.passage.pk and one.start < other.end and other.start < one.end:
        return True
    left, right = ({word.key for word in words(text.source) if word.content} for text in (one, other))
    shared = len(left & right) / max(5, min(len(left), len(right)))
    return shared >= SAME_WORDS or (float(one.vector @ other.vector) >= ALIKE and shared >= 0.5)


def _grown(
    statement: Statement, question: str, layout: Layout, chosen: Sequence[Statement]
) -> list[Statement]:
    """The statement with what belongs to it: its list, formula or example, and the listing it speaks of."""
    text = layout.passage.text
    start, end = statement.start, statement.end
    pieces = layout.pieces
    first = next((i for i, piece in enumerate(pieces) if piece.start <= start < piece.end), len(pieces))
    if first < len(pieces) and pieces[first].kind == "item":
        whole = _whole_list(layout, first)
        if whole is not None and WANTS_LIST.search(question) and whole[1] - whole[0] <= LONGEST_LIST:
            return [replace(statement, start=whole[0], end=whole[1])]
        follows = pieces[first + 1] if first + 1 < len(pieces) else None
        if (
            follows is not None
            and follows.kind == "code"
            and _asked_for_code(question, text[follows.start : follows.end])
        ):
            return [statement, _listed(statement, follows)]
        return [statement]
    listing: Piece | None = None
    last = next((i for i, piece in enumerate(pieces) if piece.start < end <= piece.end), first)
    taken = [
        (other.start, other.end)
        for other in chosen
        if other is not statement and other.passage.pk == statement.passage.pk
    ]
    for piece in pieces[last + 1 :]:
        said = text[piece.start : piece.end]
        if any(a < piece.end and piece.start < b for a, b in taken):
            break
        if (
            (piece.kind == "formula" and WANTS_FORMULA.search(question))
            or (
                piece.kind == "sentence"
                and text[:end].rstrip().endswith("$$")
                and re.match(r"(?:where|with|here)\b", said, re.IGNORECASE)
            )
            or (piece.kind == "sentence" and EXAMPLE.match(said) and piece.end - start <= 480)
        ):
            end = piece.end
        elif (
            piece.kind == "sentence"
            and said.rstrip().endswith(":")
            and len(said) < 160
            and (WANTS_LIST.search(question) or WANTS_CODE.search(question))
        ):
            continue
        elif piece.kind == "code":
            listing = piece if _asked_for_code(question, said) else None
            break
        elif piece.kind == "item" and WANTS_LIST.search(question):
            whole = _whole_list(layout, pieces.index(piece))
            if (
                whole is not None
                and whole[1] - start <= LONGEST_LIST
                and not any(a < whole[1] and whole[0] < b for a, b in taken)
            ):
                end = whole[1]
            break
        else:
            break
    grown = [replace(statement, end=end)]
    if listing is not None:
        grown.append(_listed(statement, listing))
    return grown


def _asked_for_code(question: str, code: str) -> bool:
    return bool(WANTS_CODE.search(question)) and len(code) <= LONGEST_LISTING


def _listed(statement: Statement, listing: Piece) -> Statement:
    return replace(statement, start=listing.start, end=listing.end, listing=listing.language)


def _listing(question: str, found: Sequence[Layout], chosen: Sequence[Statement]) -> list[Statement]:
    """The listing of the best passages that shows most of what is asked for, where code is asked for and none came."""
    if not WANTS_CODE.search(question) or any(statement.listing is not None for statement in chosen):
        return []
    telling = {word.key for word in words(f"{question} {chosen[0].source}") if word.content}
    best: tuple[float, Statement] | None = None
    for rank, layout in enumerate(found[:3]):
        for piece, before in zip(layout.pieces[1:], layout.pieces, strict=False):
            code = layout.text(piece)
            if piece.kind != "code" or not piece.language or not _asked_for_code(question, code):
                continue
            around = {word.key for word in words(code + " " + layout.text(before))}
            shared = len(telling & around) / max(1, len(telling)) - 0.05 * rank
            if shared >= 0.4 and (best is None or shared > best[0]):
                best = (
                    shared,
                    replace(
                        chosen[0],
                        passage=layout.passage,
                        start=piece.start,
                        end=piece.end,
                        listing=piece.language,
                    ),
                )
    return [best[1]] if best else []


def _formula(question: str, found: Sequence[Layout], chosen: Sequence[Statement]) -> list[Statement]:
    """The displayed formula that stands nearest to what is asked for, where a formula is asked for and none came."""
    if not re.search(r"\b(?:formula|equation)\b", question, re.IGNORECASE) or any(
        "$$" in one.source for one in chosen
    ):
        return []
    telling = {word.key for word in words(question) if word.content} - {"formula", "equat"}
    best: tuple[float, Statement] | None = None
    for rank, layout in enumerate(found):
        for i, piece in enumerate(layout.pieces):
            if piece.kind != "formula":
                continue
            before = layout.pieces[i - 1] if i and layout.pieces[i - 1].kind == "sentence" else piece
            around = layout.passage.text[max(0, before.start - 200) : piece.end + 200]
            near = {word.key for word in words(f"{heading(layout.passage)} {around}")}
            shared = len(telling & near) / max(1, len(telling)) - 0.05 * rank
            if shared >= 0.5 and (best is None or shared > best[0]):
                best = shared, replace(chosen[0], passage=layout.passage, start=before.start, end=piece.end)
    return [best[1]] if best and not any(_repeats(best[1], one) for one in chosen) else []


def _whole_list(layout: Layout, at: int) -> tuple[int, int] | None:
    """Offsets of the list that item `at` belongs to, from the sentence that introduces it to its last item."""
    pieces = layout.pieces
    first = last = at
    while first > 0 and pieces[first - 1].kind == "item":
        first -= 1
    while last + 1 < len(pieces) and pieces[last + 1].kind == "item":
        last += 1
    if last == first:
        return None
    start = layout.passage.text.rfind("\n", 0, pieces[first].start) + 1
    if (
        first > 0
        and pieces[first - 1].kind == "sentence"
        and layout.text(pieces[first - 1]).rstrip().endswith(":")
    ):
        start = pieces[first - 1].start
    return start, pieces[last].end
