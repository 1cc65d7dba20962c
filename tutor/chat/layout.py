"""What a passage is made of: its sentences and list items, and the listings, formulas and tables between them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from uuid import UUID

from courses.grammar import finite_verb, tokens
from courses.models import Course, Extract, Passage, Proposition
from courses.verification.vectors import sentence_spans
from tutor.jobs import State

SHOWN_WHOLE = frozenset({"code", "table", "formula"})
ASIDE = frozenset({"practice-program"})
PASSED_OVER = frozenset({"learning-questions", "guided-slides"})
ITEM = re.compile(r"(?m)^[ \t]*(?:[-*•]|\d{1,3}[.)])[ \t]+")
LISTING = re.compile(
    r"^(?:```|~~~|\||\$\$|>>>|#{1,6} )|^\s*(?:def|class|import|from|for|while|if|return|print)\b.*[:()]\s*$"
)
OBJECTIVES = re.compile(r"\b(?:should|will) be able to\b|^learning (?:objectives|goals)$", re.IGNORECASE)
ENDED = re.compile(r"[.!:;…][\"'”’)*_\s]*$")
LINE = re.compile(r"\|.*\|(?=\s*$)", re.MULTILINE)
RULE = re.compile(r"\|(?:\s*:?-+:?\s*\|)+")
CELL = re.compile(r"(?<!\\)\|")
LETTER = re.compile(r"[^\W\d_]")
NAME = 60  # characters; what is longer above a column is no name of it
KEPT = 128  # materials whose blocks stay in memory

Block = tuple[int, int, str, str, str]  # start, end (in the material's text), kind, language, note


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a passage's text, offsets in it."""

    kind: str  # sentence | item | code | table | row | formula
    start: int
    end: int
    language: str = ""
    claims: bool = True  # says how things are; false for questions, tasks, captions
    aside: bool = False  # stands in an exercise
    said: str = ""  # of a table's row: its cells, each after what stands above its column


@dataclass(frozen=True, slots=True)
class Layout:
    """The pieces of a passage in order."""

    passage: Passage
    pieces: list[Piece] = field(default_factory=list)

    def text(self, piece: Piece) -> str:
        return self.passage.text[piece.start : piece.end]


def heading(passage: Passage) -> str:
    """Title and headings of a passage, as it is embedded with."""
    title = passage.material.title
    return " – ".join([title, *[str(part) for part in passage.heading_path if str(part) != title]])


_blocks: OrderedDict[UUID, tuple[int, list[Block]]] = (
    OrderedDict()
)  # by material, with its course's index version
_lock = Lock()


def layouts(passages: Sequence[Passage]) -> list[Layout]:
    """The layout of each passage; two queries, and one for what is not in memory."""
    claims: dict[int, list[tuple[int, int]]] = {}
    wanted = [passage.pk for passage in passages]
    for pk, start, end in Proposition.objects.filter(passage__in=wanted).values_list(
        "passage_id", "start", "end"
    ):
        claims.setdefault(pk, []).append((start, end))
    blocks = _blocks_of(passages)
    return [
        _layout(passage, blocks.get(passage.material_id, []), claims.get(passage.pk)) for passage in passages
    ]


def _blocks_of(passages: Sequence[Passage]) -> dict[int, list[Block]]:
    """The blocks of the passages' materials; from memory as long as nothing in the course has changed."""
    materials = {passage.material_id: passage.material for passage in passages}
    courses = {material.course_id for material in materials.values()}
    versions = dict(Course.objects.filter(pk__in=courses).values_list("pk", "index_version").order_by())
    now = {pk: versions.get(material.course_id, 0) for pk, material in materials.items()}
    known: dict[int, list[Block]] = {}
    with _lock:
        for pk, material in materials.items():
            version, blocks = _blocks.get(material.uuid, (None, []))
            if version == now[pk]:
                known[pk] = blocks
    missing = set(materials) - set(known)
    for pk, stored in Extract.objects.filter(material__in=missing).values_list("material_id", "blocks"):
        known[pk] = [
            (
                block["start"],
                block["end"],
                block["kind"],
                block["data"].get("language", ""),
                str(block["data"].get("note", "")),
            )
            for block in stored
        ]
        if materials[pk].state == State.DONE:
            with _lock:
                _blocks[materials[pk].uuid] = now[pk], known[pk]
                while len(_blocks) > KEPT:
                    _blocks.popitem(last=False)
    return known


def _layout(passage: Passage, blocks: Sequence[Block], claims: list[tuple[int, int]] | None) -> Layout:
    pieces: list[Piece] = []
    inside = _inside(passage, blocks)
    for start, end, kind, language, _ in inside:
        if kind in SHOWN_WHOLE:
            pieces.append(Piece(kind, start, end, language))
        if kind == "table":
            pieces += _rows(passage.text, start, end)
    aims = False
    for kind, start, end in _units(passage.text):
        if any(start < piece.end and piece.start < end for piece in pieces if piece.kind in SHOWN_WHOLE):
            continue
        text = passage.text[start:end]
        around = next((block for block in inside if block[0] <= start < block[1]), None)
        if OBJECTIVES.search(text) and kind == "sentence":
            aims = True
            continue
        aims = aims and kind == "item"
        says = (
            not aims
            and not LISTING.match(text)
            and not text.rstrip("\"'”’)*_ ").endswith("?")
            and (around is None or around[4] not in PASSED_OVER)
        )
        if says and kind == "sentence" and not ENDED.search(text):  # a title, unless it has a verb
            says = finite_verb(tokens(text)) is not None
        if says and claims is not None:
            says = any(a < end and start < b for a, b in claims)
        if around is not None and around[2] in ("heading", "figure"):
            says = False
        pieces.append(Piece(kind, start, end, claims=says, aside=around is not None and around[4] in ASIDE))
    pieces.sort(key=lambda piece: piece.start)
    return Layout(passage, pieces)


def _rows(text: str, start: int, end: int) -> Iterator[Piece]:
    """The rows of a table as pieces that say something, where its first row is a header for certain."""
    lines = [(start + found.start(), start + found.end()) for found in LINE.finditer(text[start:end])]
    rule = next((i for i, (a, b) in enumerate(lines) if RULE.fullmatch(text[a:b].strip())), 0)
    if not rule:
        return
    names = _cells(text[slice(*lines[rule - 1])])
    if len(names) < 2 or not all(LETTER.search(name) and len(name) <= NAME for name in names):
        return
    for a, b in lines[rule + 1 :]:
        cells = _cells(text[a:b])
        if len(cells) != len(names) or not cells[0] or sum(map(bool, cells)) < 2:
            continue
        pairs = zip(names, cells, strict=True)
        said = "; ".join(f"{name[:1].upper()}{name[1:]}: {cell}" for name, cell in pairs if cell)
        yield Piece("row", a, b, said=said if said.endswith((".", "!", "?")) else f"{said}.")


def _cells(row: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in CELL.split(row.strip().strip("|"))]


def _inside(passage: Passage, blocks: Sequence[Block]) -> list[Block]:
    """The blocks that the passage touches, with offsets in the passage's text."""
    first = max(0, bisect_right(blocks, passage.start, key=lambda block: block[0]) - 1)
    last = bisect_left(blocks, passage.end, key=lambda block: block[0])
    size = len(passage.text)
    return [
        (max(0, start - passage.start), min(size, end - passage.start), kind, language, note)
        for start, end, kind, language, note in blocks[first:last]
        if end > passage.start
    ]


def _units(text: str) -> list[tuple[str, int, int]]:
    """Sentences, and list items as a whole, without their bullets."""
    marks = [(found.start(), found.end()) for found in ITEM.finditer(text)]
    items: list[tuple[int, int, int]] = []
    for i, (start, inner) in enumerate(marks):
        following = marks[i + 1][0] if i + 1 < len(marks) else len(text)
        gap = text.find("\n\n", inner)
        end = min(following, gap if gap >= 0 else len(text))
        items.append((start, inner, len(text[:end].rstrip())))
    found: list[tuple[str, int, int]] = [("item", inner, end) for _, inner, end in items if end > inner]
    for start, end in sentence_spans(text):
        if not any(start < last and first < end for first, _, last in items):
            found.append(("sentence", start, end))
    return sorted(found, key=lambda unit: unit[1])
