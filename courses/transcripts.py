"""Correcting what speech recognition misheard: only the passages that hold the words are made anew."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

from django.db import transaction
from django.db.models import F

from courses.anchors import StoredBlock
from courses.index import pack
from courses.models import Extract, Material, Passage
from courses.passages import resplit
from courses.storing import claims_of, store, to_embed
from tutor.jobs import State
from tutor.llm.embeddings import EmbeddingError, embed

FAR = 1_000_000  # ordinals that are moved go through numbers that nobody has


class EditRefused(ValueError):
    """The cue cannot be changed; the message says why and what to do."""


def edit_cue(material: Material, block: int, text: str) -> list[Passage]:
    """Replace the words of one cue (its index among the extract's blocks); returns the passages made anew.

    The cue keeps its time, words that stay keep theirs. Raises LookupError when there is no such cue, and EditRefused;
    then nothing has changed.
    """
    words = " ".join(text.split())
    if not words:
        raise EditRefused("A cue needs words. To take it away, write what is heard, or [inaudible].")
    with transaction.atomic():
        extract = Extract.objects.select_for_update().filter(material=material).first()
        if extract is None or material.state != State.DONE:
            raise EditRefused("This recording is still being read. Correct it when it is done.")
        if not 0 <= block < len(extract.blocks) or extract.blocks[block]["kind"] != "cue":
            raise LookupError(f"material {material.pk} has no cue {block}")
        cue = extract.blocks[block]
        start, end = cue["start"], cue["end"]
        if extract.text[start:end] == words:
            return []
        cue["data"] = {**cue["data"], "edited": True}
        if cue["data"].get("words"):
            cue["data"]["words"] = retime(cue["data"]["words"], words, cue["anchor"])
        shift = len(words) - (end - start)
        touched = list(material.passages.filter(start__lt=end, end__gt=start).order_by("ordinal"))
        _replace(extract, block, words, shift)
        made = _remake(material, extract, touched, shift) if touched else []
        material.passages.filter(start__gte=end).exclude(pk__in=[row.pk for row in made]).update(
            start=F("start") + shift, end=F("end") + shift
        )
        material.course.touch_index()
    return made


def retime(old: list[list[Any]], words: str, anchor: dict[str, Any]) -> list[list[Any]]:
    """The new words with times: those that stay keep theirs, new ones share the gap between their neighbours."""
    said = words.split()
    before = [str(word).strip() for word, _, _ in old]
    timed: list[list[Any]] = []
    for tag, a, b, c, d in SequenceMatcher(None, before, said, autojunk=False).get_opcodes():
        if tag == "equal":
            timed += [[word, old[a + n][1], old[a + n][2]] for n, word in enumerate(said[c:d])]
        elif d > c:
            since = old[a][1] if a < b else (old[a - 1][2] if a else anchor["start_ms"])
            until = old[b - 1][2] if a < b else (old[b][1] if b < len(old) else anchor["end_ms"])
            step = max(until - since, 0) / (d - c)
            timed += [
                [word, round(since + n * step), round(since + (n + 1) * step)]
                for n, word in enumerate(said[c:d])
            ]
    return timed


def _replace(extract: Extract, block: int, words: str, shift: int) -> None:
    blocks: list[StoredBlock] = extract.blocks
    cue = blocks[block]
    extract.text = extract.text[: cue["start"]] + words + extract.text[cue["end"] :]
    cue["end"] += shift
    for later in blocks[block + 1 :]:
        later["start"] += shift
        later["end"] += shift
    extract.save()


def _remake(material: Material, extract: Extract, touched: list[Passage], shift: int) -> list[Passage]:
    """Cut and embed anew the stretch that the touched passages covered."""
    start, end = touched[0].start, touched[-1].end + shift
    drafts = resplit(extract.text, extract.blocks, start, end)
    claims = [claims_of(draft, extract.blocks) for draft in drafts]
    try:
        vectors = embed([to_embed(material.title, draft) for draft in drafts])
    except EmbeddingError as error:
        raise EditRefused(f"The line was not changed. {error}") from error
    first, more = touched[0].ordinal, len(drafts) - len(touched)
    later = touched[-1].ordinal
    Passage.objects.filter(pk__in=[row.pk for row in touched]).delete()
    if more:  # ordinals are unique at every moment, so the later ones move in two steps
        material.passages.filter(ordinal__gt=later).update(ordinal=F("ordinal") + FAR)
        material.passages.filter(ordinal__gt=FAR).update(ordinal=F("ordinal") - FAR + more)
    rows = [
        Passage(
            material=material,
            course_id=material.course_id,
            ordinal=first + place,
            vector=pack(vector),
            **vars(draft),
        )
        for place, (draft, vector) in enumerate(zip(drafts, vectors, strict=True))
    ]
    store(rows, claims)
    return rows
