"""A material as pages to teach: its slides or pages, the sections of a text, the stretches of a recording."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from courses.anchors import StoredBlock, anchor_of
from courses.models import Extract, Material, Passage, place
from courses.passages import estimate_tokens
from courses.sentences import sentences
from courses.verification.words import words
from courses.wording import bag
from tutor.chat.starters import CALLED, DEFINED

SMALL, LARGE = 40, 480  # estimated word pieces: a smaller section joins the next, a larger one is cut
NOT_TAUGHT = re.compile(
    r"^(?:references|bibliography|works cited|acknowledge?ments|license|imprint)\b", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_WORDLESS = frozenset(["heading", "code"])
_SPEECH = 8  # words a title taken from speech may have
_AGAIN = 3  # times two words are said together before they are a topic
ADVISES = re.compile(r"^(?:never|always|do not|don['’]t|remember to|beware of)\s", re.IGNORECASE)


@dataclass(frozen=True)
class Stretch:
    """What becomes a page of a lesson. start and end are offsets in the material's text; path: the headings above it."""

    title: str
    anchor: dict[str, Any]
    start: int
    end: int
    path: list[str]


def pages_of(material: Material) -> list[Stretch]:
    """The pages of a material that has been read, in order; [] where there is nothing to teach from."""
    extract = Extract.objects.filter(material=material).first()
    if extract is None:
        return []
    blocks = [block for block in extract.blocks if not block["data"].get("hidden")]
    if not any(says_something(extract.text, block) for block in blocks):
        return []
    if any(block["kind"] == "cue" for block in blocks):
        return list(_stretches_of_speech(material, extract.text, extract.blocks))
    found: list[Stretch] = []
    for group in _groups(extract.text, blocks):
        title = _title(extract.text, group) or _followed(found) or material.title
        if not NOT_TAUGHT.match(title):
            first = next((block for block in group if says_something(extract.text, block)), group[0])
            path = [str(part) for part in first["anchor"].get("path") or ()]
            found.append(Stretch(title[:200], _anchor(group), group[0]["start"], group[-1]["end"], path))
    return found


def says_something(text: str, block: StoredBlock) -> bool:
    """Whether a block holds words to teach from, rather than a heading, a listing or an undescribed picture."""
    said = text[block["start"] : block["end"]]
    return block["kind"] not in _WORDLESS and said != "[Figure]" and len(_WORD.findall(said)) >= 3


def blocks_of(extract: Extract, start: int, end: int) -> list[StoredBlock]:
    """The blocks of a page, in order."""
    return [block for block in extract.blocks if block["start"] < end and block["end"] > start]


def passages_of(material: Material, start: int, end: int) -> list[Passage]:
    """The passages that a page's words are part of."""
    return list(material.passages.filter(start__lt=end, end__gt=start).order_by("ordinal"))


def _key(block: StoredBlock) -> tuple[Any, ...]:
    anchor = block["anchor"]
    for name in ("slide", "page"):
        if name in anchor:
            return (name, anchor[name])
    return ("path", *(anchor.get("path") or ()))


def _groups(text: str, blocks: Sequence[StoredBlock]) -> list[list[StoredBlock]]:
    """Blocks by slide or page, else by heading: small sections with the next of the same parent, large ones cut."""
    if not blocks:
        return []
    parts = [list(group) for _, group in groupby(blocks, key=_key)]
    if _key(blocks[0])[0] != "path":
        return parts
    joined: list[list[StoredBlock]] = []
    for part in parts:
        above = _key(joined[-1][0]) if joined else ()
        if joined and _size(text, joined[-1]) < SMALL and _key(part[0])[: len(above)] == above:
            joined[-1] = joined[-1] + part
        else:
            joined.append(part)
    return [piece for part in joined for piece in _cut(text, part)]


def _size(text: str, blocks: Sequence[StoredBlock]) -> float:
    return sum(estimate_tokens(text[b["start"] : b["end"]]) for b in blocks if b["kind"] != "heading")


def _cut(text: str, blocks: list[StoredBlock]) -> Iterator[list[StoredBlock]]:
    """A long section in parts of about equal size, cut between blocks and never behind a lead-in."""
    size = _size(text, blocks)
    if size <= LARGE:
        yield blocks
        return
    share = size / -(-size // LARGE)
    part: list[StoredBlock] = []
    for block in blocks:
        led_in = bool(part) and not re.search(
            r"[.!?…\"”)]$", text[part[-1]["start"] : part[-1]["end"]].rstrip()
        )
        if part and _size(text, part) >= share * 0.9 and not led_in:
            yield part
            part = []
        part.append(block)
    if part:
        yield part


def _title(text: str, blocks: Sequence[StoredBlock]) -> str:
    title = ""
    for block in blocks:
        if block["kind"] == "heading":
            title = " ".join(text[block["start"] : block["end"]].split())
        elif title or says_something(text, block):
            break
    if title:
        return title
    path = blocks[0]["anchor"].get("path") or ()
    return str(path[-1]) if path else ""


def _followed(found: Sequence[Stretch]) -> str:
    """The title of a page that has none and goes on with the one before."""
    return found[-1].title if found else ""


def _anchor(blocks: Sequence[StoredBlock]) -> dict[str, Any]:
    """Of the page as a whole: without the boxes of its first block."""
    return {name: value for name, value in blocks[0]["anchor"].items() if name != "boxes"}


def _stretches_of_speech(material: Material, text: str, blocks: Sequence[StoredBlock]) -> Iterator[Stretch]:
    """A recording's passages: they were cut where the speaker paused."""
    passages = list(material.passages.order_by("ordinal"))
    counted = [pairs(passage.text) for passage in passages]
    for number, passage in enumerate(passages):
        anchor = anchor_of(text, blocks, passage.start, passage.end)
        title = named(passage.text) or advice(passage.text) or topic(number, counted)
        yield Stretch(title or f"From {place(anchor, [])} on", anchor, passage.start, passage.end, [])


def named(speech: str) -> str:
    """What a stretch of speech is about, in its own words: the first thing that it defines or names, or ""."""
    for sentence in _sentences(speech):
        for found in (CALLED.search(sentence), DEFINED.match(sentence)):
            subject = found["subject"].strip() if found else ""
            rest = re.sub(r"^(?:the|an?)\s+", "", subject, flags=re.IGNORECASE).split()
            if 1 <= len(rest) <= _SPEECH and rest[0].lower() not in _POINTING:
                return (subject if subject.lower().startswith("the ") else " ".join(rest)).capitalize()
    return ""


def advice(speech: str) -> str:
    """The first short sentence that says what to do always or never; or ""."""
    for sentence in _sentences(speech):
        if ADVISES.match(sentence) and len(sentence.split()) <= _SPEECH:
            return sentence.rstrip(".!")
    return ""


def topic(number: int, counted: Sequence[Mapping[tuple[str, str], Counter[str]]]) -> str:
    """The two words that one stretch of a recording says together again and again, and no other nearly as often; or ""."""
    best, most = "", _AGAIN - 1
    for stems, forms in counted[number].items():
        elsewhere = max(
            (one[stems].total() for at, one in enumerate(counted) if at != number and stems in one), default=0
        )
        if forms.total() > most and 2 * elsewhere <= forms.total():
            best, most = forms.most_common(1)[0][0].capitalize(), forms.total()
    return best


def pairs(speech: str) -> dict[tuple[str, str], Counter[str]]:
    """How often two content words stand next to each other, by their stems, in each of their forms."""
    found: dict[tuple[str, str], Counter[str]] = {}
    spoken = words(" ".join(speech.split()))
    for one, other in pairwise(spoken):
        both = one.content and other.content and one.kind == other.kind == "word"
        if both and one.clause == other.clause and min(len(one.text), len(other.text)) >= 4:
            found.setdefault((one.key, other.key), Counter())[f"{one.text} {other.text}"] += 1
    return found


def _sentences(speech: str) -> Iterator[str]:
    text = " ".join(speech.split())
    return (text[start:end] for start, end in sentences(text))


_POINTING = bag(
    "it this that these those there here they we you he she answer example last first next one result reason trap"
)
