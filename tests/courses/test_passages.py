"""Passages: they cover the text, keep structure, and carry exact offsets, anchors and times."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from courses.anchors import anchor_of
from courses.extracts import append
from courses.passages import LONGEST, Draft, Splitter, estimate_tokens, split
from courses.readers.parts import Block

SENTENCE = "The heat equation describes how warmth spreads through a long thin metal rod over time. "


def cut(blocks: list[Block]) -> tuple[str, list[dict[str, Any]], list[Draft]]:
    stored: list[dict[str, Any]] = []
    text = append("", stored, blocks)
    return text, stored, split(text, stored)


def under(path: list[str], text: str, kind: str = "text", level: int = 0) -> Block:
    return Block(kind, text, {"path": path}, level)


def test_a_heading_starts_a_passage_and_a_small_section_joins_what_follows() -> None:
    _text, _, drafts = cut(
        [
            under(["A"], "A", "heading", 1),
            under(["A"], SENTENCE * 5),
            under(["B"], "B", "heading", 1),
            under(["B"], "Too short."),
            under(["C"], "C", "heading", 1),
            under(["C"], SENTENCE * 5),
        ]
    )
    assert [draft.heading_path for draft in drafts] == [["A"], ["C"]]
    assert drafts[1].text.startswith("Too short.\n\nC\n\nThe heat")
    assert drafts[1].anchor == {"path": ["C"]}  # where most of it stands


def test_long_text_is_cut_between_sentences_into_pieces_of_like_length() -> None:
    _, _, drafts = cut([under(["A"], (SENTENCE * 40).strip())])
    sizes = [estimate_tokens(draft.text) for draft in drafts]
    assert len(drafts) > 2
    assert max(sizes) <= LONGEST
    assert max(sizes) - min(sizes) < 40
    assert all(draft.text.endswith(".") for draft in drafts)


def test_code_formulas_and_tables_stay_whole() -> None:
    code = "\n".join(f"value_{n} = compute({n})  # step. Then next" for n in range(25))
    table = "\n".join(["| a | b |", "| - | - |", *(f"| {n}. A | word |" for n in range(25))])
    _, _, drafts = cut([under(["A"], SENTENCE * 6), under(["A"], code, "code"), under(["A"], table, "table")])
    assert sum(code in draft.text for draft in drafts) == 1
    assert sum(table in draft.text for draft in drafts) == 1
    assert {"text", "code", "table"} <= {draft.kind for draft in drafts}


def test_a_formula_stays_with_the_words_that_lead_to_it() -> None:
    lead = "We obtain the equation:"
    _, _, drafts = cut(
        [
            under(["A"], SENTENCE * 8),
            under(["A"], lead),
            under(["A"], "$$E = mc^2$$", "formula"),
            under(["A"], SENTENCE * 8),
        ]
    )
    assert sum(f"{lead}\n\n$$E = mc^2$$" in draft.text for draft in drafts) == 1


def test_every_slide_is_a_passage_with_its_title_as_path() -> None:
    blocks = []
    for number in (1, 2, 3):
        blocks.append(Block("heading", f"Title {number}", {"slide": number}, 1))
        blocks.append(Block("list", "- one point\n- another point", {"slide": number}))
    _, _, drafts = cut(blocks)
    assert [(draft.anchor["slide"], draft.heading_path) for draft in drafts] == [
        (1, ["Title 1"]), (2, ["Title 2"]), (3, ["Title 3"])
    ]  # fmt: skip


def test_a_page_ends_a_passage_and_its_boxes_are_gathered() -> None:
    blocks = [
        Block("text", (SENTENCE * 4).strip(), {"page": page, "boxes": [[0, row, 9, row + 1]]})
        for page in (1, 2)
        for row in (10, 20)
    ]
    _, _, drafts = cut(blocks)
    assert {draft.anchor["page"] for draft in drafts} == {1, 2}
    first = [draft for draft in drafts if draft.anchor["page"] == 1]
    assert [0, 10, 9, 11] in first[0].anchor["boxes"]
    assert [0, 20, 9, 21] in first[-1].anchor["boxes"]


def speech(sentences: int, *, words: bool) -> list[Block]:
    """Cues of five words of half a second each, cutting through the sentences; a pause before every tenth cue."""
    said = [f"word{n}" + ("." if n % 12 == 11 else "") for n in range(12 * sentences)]
    said = [word.capitalize() if n % 12 == 0 else word for n, word in enumerate(said)]
    blocks, now = [], 0
    for number, first in enumerate(range(0, len(said), 5)):
        now += 3_000 if number % 10 == 9 else 0
        part = said[first : first + 5]
        timed = [[word, now + 500 * n, now + 500 * n + 500] for n, word in enumerate(part)]
        end = now + 500 * len(part)
        blocks.append(
            Block(
                "cue",
                " ".join(part),
                {"start_ms": now, "end_ms": end},
                data={"words": timed} if words else {},
            )
        )
        now = end
    return blocks


def test_speech_is_cut_at_sentence_ends_with_the_times_of_its_words() -> None:
    blocks = speech(60, words=True)
    times = {word.lower(): (start, end) for block in blocks for word, start, end in block.data["words"]}
    text, stored, drafts = cut(blocks)
    assert len(drafts) > 3
    for draft in drafts:
        said = draft.text.lower().split()
        assert draft.kind == "speech"
        assert draft.text.endswith(".")
        assert draft.anchor == {"start_ms": times[said[0]][0], "end_ms": times[said[-1]][1]}
    middle = drafts[1]
    word = middle.text.split()[7]
    at = middle.start + middle.text.index(word)
    assert anchor_of(text, stored, at, at + len(word)) == {
        "start_ms": times[word.lower()][0], "end_ms": times[word.lower()][1]
    }  # fmt: skip


def test_without_word_times_they_are_interpolated_within_the_cue() -> None:
    _, _, drafts = cut(speech(40, words=False))
    known = {
        word.lower(): start for block in speech(40, words=True) for word, start, _ in block.data["words"]
    }
    for draft in drafts:
        assert abs(draft.anchor["start_ms"] - known[draft.text.lower().split()[0]]) < 600


kinds = st.sampled_from(["heading", "text", "list", "formula", "code", "table", "figure", "cue"])
words = st.text(alphabet="ab .,:\n|$-A1`", min_size=1, max_size=400)


@st.composite
def block(draw: st.DrawFn) -> Block:
    kind = draw(kinds)
    anchor: dict[str, Any] = draw(
        st.sampled_from(
            [
                {"page": 1, "boxes": [[0, 0, 1, 1]]},
                {"page": 2},
                {"slide": 1},
                {"slide": 2},
                {"path": ["A", "B"]},
            ]
        )
    )
    if kind == "cue":
        start = draw(st.integers(0, 100_000))
        anchor = {"start_ms": start, "end_ms": start + draw(st.integers(0, 9_000))}
    return Block(
        kind,
        draw(words) * draw(st.integers(1, 6)),
        anchor,
        draw(st.integers(1, 3)) if kind == "heading" else 0,
    )


@given(st.lists(st.lists(block(), max_size=6), max_size=5))
def test_passages_cover_all_but_headings_in_order_whether_read_at_once_or_in_parts(
    parts: list[list[Block]],
) -> None:
    stored: list[dict[str, Any]] = []
    text = ""
    splitter, streamed = Splitter(), []
    for part in parts:
        new: list[dict[str, Any]] = []
        before = len(stored)
        text = append(text, stored, part)
        new = stored[before:]
        streamed += list(splitter.feed(text, new))
    streamed += list(splitter.close(text))
    for drafts in (streamed, split(text, stored)):
        covered = bytearray(len(text))
        position = 0
        for draft in drafts:
            assert position <= draft.start < draft.end
            assert draft.text == text[draft.start : draft.end]
            covered[draft.start : draft.end] = b"1" * (draft.end - draft.start)
            position = draft.end
        for one in stored:
            if one["kind"] != "heading":
                assert not any(
                    not text[place].isspace() and not covered[place]
                    for place in range(one["start"], one["end"])
                )


def test_speech_is_cut_within_three_minutes_of_being_heard() -> None:
    stored: list[dict[str, Any]] = []
    text = ""
    splitter = Splitter()
    cut_until = 0
    for part in range(30):  # a sentence every five seconds, half a minute a part
        start = part * 30_000
        cues = [
            Block(
                "cue", SENTENCE.strip(), {"start_ms": start + n * 5_000, "end_ms": start + n * 5_000 + 4_800}
            )
            for n in range(6)
        ]
        known = len(stored)
        text = append(text, stored, cues)
        for draft in splitter.feed(text, stored[known:]):
            cut_until = draft.anchor["end_ms"]
        assert start + 30_000 - cut_until <= 180_000
