"""Ingestion against the encoder alone: passages a second of the whole job, and of bare SentenceTransformer.encode.

Both run here, one after the other, on the same texts: what ingestion embeds before a material counts as read. The
vectors of propositions come after that, in the background; they have a figure of their own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile
from django.core.management import call_command

from bench.figures import Figure
from bench.prose import pages
from courses.ingestion import ingest
from courses.models import Course, Material, Passage, Proposition
from courses.passages import Draft
from courses.storing import embed_propositions, to_embed
from tutor.jobs import State
from tutor.llm import catalog
from tutor.llm.embeddings import MODEL, embed

PAGES = 1_000
REFINED = 4_096  # propositions
SAMPLE = 300  # passages that the slower encoders are timed with


def figures() -> Iterator[Figure]:
    """Ingest a thousand pages; then embed the same texts in every other way."""
    call_command("migrate", verbosity=0)
    embed(["warm up"] * 4)
    course = Course.objects.create(title="Bench", slug="bench")
    material = Material(course=course, title="Bench", filename="bench.md", kind="markdown")
    material.file.save("bench.md", ContentFile("\n\n".join(pages(PAGES)).encode()), save=False)
    material.save()

    began = time.perf_counter()
    ingest(material)
    seconds = time.perf_counter() - began
    material.refresh_from_db()
    if material.state != State.DONE:
        raise RuntimeError(f"ingestion failed: {material.error}")
    rows = list(Passage.objects.order_by("ordinal"))
    texts = [to_embed("Bench", as_draft(row)) for row in rows]
    whole = len(rows) / seconds
    yield Figure("passages of 1,000 pages", len(rows))
    yield Figure("propositions of 1,000 pages", Proposition.objects.count())
    yield Figure("whole ingestion", whole, "passages/s")

    began = time.perf_counter()
    embed(texts)
    alone = len(texts) / (time.perf_counter() - began)
    yield Figure("our encoder alone (int8, onnxruntime)", alone, "passages/s")
    step = max(len(texts) // SAMPLE, 1)
    sample = texts[::step]
    best = 0.0
    for name, encode in bare_encoders():
        encode(sample[:32])
        began = time.perf_counter()
        encode(sample)
        rate = len(sample) / (time.perf_counter() - began)
        best = max(best, rate)
        yield Figure(f"SentenceTransformer.encode, {name}", rate, "passages/s")
    yield Figure("whole ingestion / best bare SentenceTransformer.encode", whole / best, at_least=0.8)
    yield Figure("whole ingestion / our encoder alone", whole / alone)

    began = time.perf_counter()
    embed_propositions(material, REFINED)
    yield Figure(
        "vectors of propositions, afterwards", REFINED / (time.perf_counter() - began), "propositions/s"
    )


def as_draft(row: Passage) -> Draft:
    """The passage as it was when it was embedded."""
    return Draft(row.kind, row.text, row.start, row.end, row.heading_path, row.anchor)


def bare_encoders() -> Iterator[tuple[str, Any]]:
    """SentenceTransformer.encode in the precisions and batch sizes that were fastest here."""
    import torch
    from sentence_transformers import SentenceTransformer

    folder = str(catalog.path(MODEL))
    for dtype, batch in ((torch.float32, 32), (torch.bfloat16, 16), (torch.bfloat16, 32)):
        model = SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": dtype})
        name = str(dtype).removeprefix("torch.")

        def encode(texts: list[str], model: Any = model, batch: int = batch) -> Any:
            return model.encode(texts, batch_size=batch, convert_to_tensor=True, normalize_embeddings=True)

        yield f"{name}, batches of {batch}", encode
