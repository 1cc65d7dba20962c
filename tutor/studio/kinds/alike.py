"""Which concepts may be taken for one another: what is compared, and what is mistaken."""

from __future__ import annotations

import re
from collections.abc import Iterator

from courses.verification.vectors import vectors_of
from courses.wording import bag
from tutor.practice.items import Survey
from tutor.practice.statements import Statement, stems
from tutor.studio.kinds.asking import askable

NEAR = 0.45  # cosine of two definitions from which they are of one sort
KIND_OF = re.compile(
    r"^(?:is|are) (?:an?|the|one)?\s*(?:type of |kind of |sort of |form of )?"
    r"(?P<head>(?:[a-z-]+ ){0,2}[a-z-]+?)s? (?:that|which|who|used|of|in|for|with|where)\b",
    re.IGNORECASE,
)
GENERAL = bag("way concept number tool thing process part key set sequence group collection key one")


def defines(row: Statement, material: Survey) -> bool:
    """Whether a statement says what its concept is, whole and by itself."""
    return row.term in material.names and row.defines and not row.limited and askable(row, material)


def others(row: Statement, material: Survey) -> Iterator[Statement]:
    """Definitions of concepts that may be taken for the one this statement defines, nearest first."""
    if not defines(row, material):
        return
    found = {
        other.term: other
        for other in material.statements
        if other.term != row.term
        and other.plural == row.plural
        and defines(other, material)
        and _is_of_sort(row, other)
    }
    rows = [other for other in found.values() if other.text != row.text]
    if not rows:
        return
    vectors = vectors_of([row.text, *(other.text for other in rows)])
    near = (vectors[1:] @ vectors[0]).tolist()
    for cosine, other in sorted(zip(near, rows, strict=True), key=lambda pair: (-pair[0], pair[1].term)):
        if cosine >= NEAR:
            yield other


def _is_of_sort(row: Statement, other: Statement) -> bool:
    """Whether both are defined by the same head word ("a loop"), or their names share one."""
    if stems(row.term) <= stems(other.term) or stems(other.term) <= stems(row.term):
        return False
    if " " in row.term and " " in other.term and stems(row.term) & stems(other.term):
        return True
    one, two = KIND_OF.match(row.predicate), KIND_OF.match(other.predicate)
    if one is None or two is None:
        return False
    head = one["head"].split()[-1]
    return head == two["head"].split()[-1] and (
        head not in GENERAL or row.passage.material_id == other.passage.material_id
    )
