"""Search over 20,000 passages: how long it takes beyond the query's vector, and that nothing is missed."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator

import numpy as np
from django.core.management import call_command

from bench.figures import Figure
from bench.prose import paragraph, sentence
from courses.index import forget, index_of, pack
from courses.models import Course, Extract, Material, Passage, Proposition
from courses.search import search
from tutor.llm.embeddings import DIMENSION

PASSAGES = 20_000
MATERIALS = 200
PROPOSITIONS = 6  # a passage
QUERIES = 200


def figures() -> Iterator[Figure]:
    """Fill a course, then ask it."""
    call_command("migrate", verbosity=0)
    rng, numbers = random.Random(3), np.random.default_rng(3)
    course = Course.objects.create(title="Bench", slug="bench")
    vectors = fill(course, rng, numbers)
    queries = [sentence(rng).rstrip(".") + "?" for _ in range(QUERIES)]
    # near a passage, as the vector of a question that has an answer is
    asked = vectors[numbers.integers(0, PASSAGES, QUERIES)] + numbers.normal(0, 0.05, (QUERIES, DIMENSION))
    asked = (asked / np.linalg.norm(asked, axis=1, keepdims=True)).astype(np.float32)

    forget()
    began = time.perf_counter()
    index = index_of(course)
    yield Figure("loading the course's index", time.perf_counter() - began, "s")

    found = 0
    everything = np.ones(len(index), bool)
    some = numbers.random(len(index)) < 0.3
    stored = vectors.astype(np.float16).astype(np.float32)
    for vector in asked:
        for allowed in (everything, some):
            exact = set(np.argsort(-np.where(allowed, stored @ vector, -2))[:10].tolist())
            found += len(exact & {row for row, _ in index.nearest(vector, allowed, 10)})
    yield Figure("recall@10 against exact search", found / (2 * QUERIES * 10), at_least=1.0)

    hidden = list(course.materials.values_list("pk", flat=True)[: MATERIALS // 3])
    for name in ("all of it released", "a third of it hidden"):
        if name.startswith("a third"):
            Material.objects.filter(pk__in=hidden).update(hidden=True)
        times = []
        for query, vector in zip(queries, asked, strict=True):
            began = time.perf_counter()
            search(course, query, passages=Passage.objects.for_agent(course), vector=vector)
            times.append(1000 * (time.perf_counter() - began))
        yield Figure(f"search beyond the embedding, p50, {name}", statistics.median(times), "ms", at_most=15)
        yield Figure(f"search beyond the embedding, p95, {name}", statistics.quantiles(times, n=20)[-1], "ms")

    fill(course, rng, numbers, passages=20, materials=1)
    began = time.perf_counter()
    index_of(course)
    yield Figure("taking up 20 passages that were added", 1000 * (time.perf_counter() - began), "ms")


def fill(
    course: Course,
    rng: random.Random,
    numbers: np.random.Generator,
    passages: int = PASSAGES,
    materials: int = MATERIALS,
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Passages with propositions and random vectors; returns those of the passages, in order of their rows."""
    each = passages // materials
    vectors = numbers.normal(size=(passages, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for place in range(materials):
        texts = [paragraph(rng) for _ in range(each)]
        material = Material.objects.create(
            course=course, title=f"Lecture {place}", filename=f"{place}.md", state="done", refined=True
        )
        Extract.objects.create(material=material, text="\n\n".join(texts), blocks=[])
        rows, start = [], 0
        for ordinal, text in enumerate(texts):
            vector = vectors[place * each + ordinal]
            rows.append(
                Passage(
                    material=material,
                    course=course,
                    ordinal=ordinal,
                    text=text,
                    start=start,
                    end=start + len(text),
                    heading_path=[f"Section {ordinal // 5}"],
                    anchor={"path": []},
                    vector=pack(vector),
                )
            )
            start += len(text) + 2
        Passage.objects.bulk_create(rows)
        Proposition.objects.bulk_create(
            Proposition(passage=row, ordinal=n, text=sentence(rng), start=0, end=40, vector=pack(vector))
            for row in rows
            for n, vector in enumerate(numbers.normal(0, 0.05, (PROPOSITIONS, DIMENSION)).astype(np.float32))
        )
    course.touch_index()
    return vectors
