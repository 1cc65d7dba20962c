"""How near to the spoken words a citation into a recording opens, on the demo's lecture as speech recognition hears it.

The lecture's captions say when each sentence is really spoken. Each sentence is searched for and given to the verifier
as a claim, as answering does; the quote it rests on is what a citation marks, and its time is where the player stands.
Sentences that were heard too wrongly to be supported get no citation and are counted apart.
"""

from __future__ import annotations

from collections.abc import Iterator

import webvtt
from django.core.files import File
from django.core.management import call_command

from bench.figures import Figure

WORDS = 6  # of a sentence that says enough to be told from others
NEAR = 5_000  # milliseconds


def figures() -> Iterator[Figure]:
    """Recognise the recording, look for each of its sentences, compare times."""
    from courses.anchors import anchor_of
    from courses.demo.course import BUILT
    from courses.ingestion import ingest
    from courses.models import Course, Material, Passage
    from courses.search import search
    from courses.verification import verify

    call_command("migrate", verbosity=0)
    course = Course.objects.create(title="A recording")
    path = BUILT / "lecture-3-outliers.ogg"
    material = Material(course=course, title="Lecture 3", filename=path.name)
    with path.open("rb") as file:
        material.file.save(path.name, File(file), save=False)
    material.save()
    ingest(material)
    material.refresh_from_db()
    if not material.is_ready:
        raise RuntimeError(material.error)
    spoken = [
        (round(cue.start_in_seconds * 1000), " ".join(cue.text.split()))
        for cue in webvtt.read(str(BUILT / "lecture-3-outliers.vtt")).captions
    ]
    asked = [(time, said) for time, said in spoken if len(said.split()) >= WORDS]
    cited = near = 0
    for time, said in asked:
        passages = [
            hit.passage for hit in search(course, said, passages=Passage.objects.for_agent(course), k=4)
        ]
        quotes = verify(said, [passage.text for passage in passages]).quotes
        if not quotes:
            continue
        cited += 1
        start = passages[quotes[0].passage].start
        span = start + quotes[0].start, start + quotes[0].end
        opens = anchor_of(material.extract.text, material.extract.blocks, *span)["start_ms"]
        near += abs(opens - time) <= NEAR
    yield Figure("sentences of the recording looked for", len(asked))
    yield Figure("of them cited", cited)
    yield Figure("citations that open within 5 s of the spoken words", near / cited)
