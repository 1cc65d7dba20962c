"""A statement with what belongs to it: its list, its formula, its example, and the listing it speaks of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from courses.propositions import instructs
from courses.verification.words import words
from tutor.chat.aspects import subject_words
from tutor.chat.layout import Layout, Piece, heading
from tutor.chat.statement import Statement, repeats

LONGEST_LIST = 1_100
LONGEST_LISTING = 1_000

EXAMPLE = re.compile(
    r"^\W*(?:ex\b|examples?\s*:|e\.g\.|for (?:example|instance)|that is|i\.e\.|in other words|note\b)",
    re.IGNORECASE,
)
WANTS_CODE = re.compile(
    r"\b(?:code|syntax|example|write|program|snippet|implement|look like|how\s+(?:do|can|to|would|should))\b",
    re.IGNORECASE,
)
WANTS_LIST = re.compile(
    r"^\W*(?:please\s+)?(?:list|name|enumerate)\s+(?:all|the|some|any|a\s+few|of|two|three|four|five|\d+)\b"
    r"|\b(?:what|which|give|tell|list|name|how\s+many)\b[^?.]*\b(?:types|kinds|ways|steps|parts|features|examples|advantages|disadvantages"
    r"|benefits|drawbacks|limitations|reasons|modes|methods|rules|properties|components|options|topics)\b",
    re.IGNORECASE,
)
WANTS_STEPS = re.compile(
    r"\bhow\s+(?:do|does|can|could|should|would|to|is|are)\b|\b(?:steps?|procedure|recipe)\b", re.IGNORECASE
)
STEP = re.compile(r"^(?:first|second|third|then|next|now|finally|after that|to)\b[^?]*[.;]$", re.IGNORECASE)
TASK = re.compile(
    r"^(?:write|create|implement|modify|complete|predict|identify|determine|select|prove|explain|describe|discuss|never|please|let)\b",
    re.IGNORECASE,
)
WANTS_FORMULA = re.compile(
    r"\b(?:formula|equation|calculat\w*|comput\w*|defin\w*|what|how|derive|express\w*)\b", re.IGNORECASE
)


def grown(
    statement: Statement, question: str, layout: Layout, chosen: Sequence[Statement]
) -> list[Statement]:
    """The statement with what belongs to it: its list, formula or example, and the listing it speaks of."""
    text = layout.passage.text
    start, end = statement.start, statement.end
    pieces = layout.pieces
    first = next((i for i, piece in enumerate(pieces) if piece.start <= start < piece.end), len(pieces))
    if first < len(pieces) and pieces[first].kind == "item":
        whole = whole_list(layout, first)
        if (
            whole is not None
            and WANTS_LIST.search(question)
            and whole[1] - whole[0] <= LONGEST_LIST
            and _is_about(layout, whole, question)
        ):
            return [replace(statement, start=whole[0], end=whole[1])]
        follows = pieces[first + 1] if first + 1 < len(pieces) else None
        if (
            follows is not None
            and follows.kind == "code"
            and _asked_for_code(question, text[follows.start : follows.end])
        ):
            return [statement, _listed(statement, follows)]
        return [statement]
    if statement.row:
        return [statement]
    listing: Piece | None = None
    last = next((i for i, piece in enumerate(pieces) if piece.start < end <= piece.end), first)
    taken = [
        (other.start, other.end)
        for other in chosen
        if other is not statement and other.passage.pk == statement.passage.pk
    ]
    steps = WANTS_STEPS.search(question) is not None
    for piece in reversed(pieces[:first] if steps else []):
        if not _is_step(layout, piece) or any(a < piece.end and piece.start < b for a, b in taken):
            break
        start = piece.start
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
            or (steps and _is_step(layout, piece) and piece.end - start <= LONGEST_LIST)
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
            whole = whole_list(layout, pieces.index(piece))
            if (
                whole is not None
                and whole[1] - start <= LONGEST_LIST
                and not any(a < whole[1] and whole[0] < b for a, b in taken)
            ):
                end = whole[1]
            break
        else:
            break
    grown = [replace(statement, start=start, end=end)]
    if listing is not None:
        grown.append(_listed(statement, listing))
    return grown


def _is_step(layout: Layout, piece: Piece) -> bool:
    """Whether a sentence tells what to do next, and is no exercise."""
    said = layout.text(piece)
    if piece.kind != "sentence" or piece.aside or TASK.match(said):
        return False
    return instructs(said) or STEP.match(said) is not None


def _is_about(layout: Layout, whole: tuple[int, int], question: str) -> bool:
    """Whether a list as a whole is about what is asked for: its introduction or its headings name it."""
    introduction = layout.passage.text[whole[0] : whole[1]].split("\n", 1)[0]
    named = {word.key for word in words(f"{heading(layout.passage)} {introduction}")}
    return any(word.key in named for word in subject_words(question))


def _asked_for_code(question: str, code: str) -> bool:
    return bool(WANTS_CODE.search(question)) and len(code) <= LONGEST_LISTING


def _listed(statement: Statement, listing: Piece) -> Statement:
    return replace(statement, start=listing.start, end=listing.end, listing=listing.language)


def listing(question: str, found: Sequence[Layout], chosen: Sequence[Statement]) -> list[Statement]:
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


def formula(question: str, found: Sequence[Layout], chosen: Sequence[Statement]) -> list[Statement]:
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
    return [best[1]] if best and not any(repeats(best[1], one) for one in chosen) else []


def whole_list(layout: Layout, at: int) -> tuple[int, int] | None:
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
