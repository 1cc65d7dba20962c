"""Where a span stands: on its own page, and on the next where it runs on."""

from __future__ import annotations

from courses.anchors import anchor_of
from courses.extracts import append
from courses.models import place
from courses.readers.parts import Block


def test_a_span_over_the_end_of_a_page_has_the_boxes_of_both() -> None:
    blocks = [
        Block("text", "The mean is not", {"page": 4, "boxes": [[0, 60, 90, 70]]}),
        Block("text", "a robust estimate", {"page": 5, "boxes": [[0, 780, 90, 790], [0, 770, 40, 780]]}),
        Block("text", "of the centre.", {"page": 5, "boxes": [[0, 760, 90, 770]]}),
    ]
    stored: list[dict[str, object]] = []
    text = append("", stored, blocks)
    anchor = anchor_of(text, stored, 4, text.index("estimate"))
    assert (anchor["page"], anchor["boxes"]) == (4, [[0, 60, 90, 70]])
    assert anchor["also"] == [{"page": 5, "boxes": [[0, 780, 90, 790], [0, 770, 40, 780]]}]
    assert place(anchor, []) == "p. 4"
    whole = anchor_of(text, stored, 0, len(text))
    assert [len(found["boxes"]) for found in whole["also"]] == [3]
    alone = anchor_of(text, stored, text.index("a robust"), len(text))
    assert alone["page"] == 5
    assert "also" not in alone
    assert blocks[1].anchor["boxes"] == [
        [0, 780, 90, 790],
        [0, 770, 40, 780],
    ]  # the stored ones are left alone
