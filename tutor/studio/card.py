"""A dataset's card: what is in it, what of the material it covers, what was dropped and why."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import Count

from courses.models import Passage, place
from tutor.studio.models import Dataset, Example, Review, Source


def describe(dataset: Dataset) -> dict[str, Any]:
    """The card as JSON; shares run from 0 to 1."""
    kept = dataset.examples.kept()
    questions = list(kept.values_list("question", "answer"))
    dropped = dataset.examples.filter(state=Example.State.DROPPED).values_list("reason", flat=True)
    return {
        "kept": len(questions),
        "unique_questions": len({" ".join(question.lower().split()) for question, _ in questions}),
        "kinds": dict(kept.values_list("kind").annotate(Count("pk")).order_by("kind")),
        "origins": dict(kept.values_list("origin").annotate(Count("pk")).order_by("origin")),
        "made_how": dict(kept.values_list("made_how").annotate(Count("pk")).order_by("made_how")),
        "train": kept.filter(held_out=False).count(),
        "held_out": kept.filter(held_out=True).count(),
        "mean_question_words": _mean([len(question.split()) for question, _ in questions]),
        "mean_answer_words": _mean([len(answer.split()) for _, answer in questions]),
        "dropped": dict(sorted(Counter(dropped).items())),
        "coverage": coverage(dataset),
        "review": agreement(dataset),
    }


def coverage(dataset: Dataset) -> dict[str, Any]:
    """How much of the material the kept examples rest on: for each material its passages in order, with their examples."""
    rows = Passage.objects.for_agent(dataset.course).select_related("material")
    if chosen := list(dataset.materials.values_list("pk", flat=True)):
        rows = rows.filter(material__in=chosen)
    counts = dict(
        Source.objects.filter(example__dataset=dataset, example__state=Example.State.KEPT)
        .values_list("passage")
        .annotate(Count("example", distinct=True))
    )
    materials: dict[int, dict[str, Any]] = {}
    covered = total = 0
    for passage in rows.order_by("material__position", "material", "ordinal"):
        entry = materials.setdefault(passage.material_id, {"title": passage.material.title, "passages": []})
        examples = counts.get(passage.pk, 0)
        entry["passages"].append({"label": place(passage.anchor, passage.heading_path), "examples": examples})
        covered += bool(examples)
        total += 1
    return {"passages": total, "covered": covered, "materials": list(materials.values())}


def agreement(dataset: Dataset) -> dict[str, Any]:
    """How many examples people looked at, and how often two of them said the same."""
    verdicts: dict[int, list[str]] = {}
    for example, verdict in Review.objects.filter(example__dataset=dataset).values_list("example", "verdict"):
        verdicts.setdefault(example, []).append(verdict)
    twice = [found for found in verdicts.values() if len(found) > 1]
    same = sum(len(set(found)) == 1 for found in twice)
    return {"reviewed": len(verdicts), "twice": len(twice), "agreed": same}


def _mean(values: list[int]) -> float:
    return round(sum(values) / len(values), 1) if values else 0.0
