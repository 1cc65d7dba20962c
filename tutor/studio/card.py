"""A dataset's card: what is in it and how it was made, what of the material it covers, what was dropped and why."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import Count

from courses.models import Passage, place
from tutor.studio.agreement import kappa
from tutor.studio.models import Dataset, Example, Exercise, Review, Source

# How examples were made; what a model wrote goes by the model's name
COMPUTED, TAKEN, PEOPLE = "computed", "material", "people"


def describe(dataset: Dataset) -> dict[str, Any]:
    """The card as JSON; shares run from 0 to 1."""
    kept = dataset.examples.kept()
    questions = list(kept.values_list("question", "answer"))
    dropped = dataset.examples.filter(state=Example.State.DROPPED).values_list("reason", flat=True)
    return {
        "kept": len(questions),
        "unique_questions": len({" ".join(question.lower().split()) for question, _ in questions}),
        "kinds": dict(kept.values_list("kind").annotate(Count("pk")).order_by("kind")),
        "skills": kept.exclude(skill="").values("skill").distinct().count(),
        "origins": dict(kept.values_list("origin").annotate(Count("pk")).order_by("origin")),
        "made_how": dict(kept.values_list("made_how").annotate(Count("pk")).order_by("made_how")),
        "made_by": made_by(dataset),
        "train": kept.filter(held_out=False).count(),
        "held_out": kept.filter(held_out=True).count(),
        "mean_question_words": _mean([len(question.split()) for question, _ in questions]),
        "mean_answer_words": _mean([len(answer.split()) for _, answer in questions]),
        "dropped": dict(sorted(Counter(dropped).items())),
        "coverage": coverage(dataset),
        "exercises": exercises(dataset),
        "review": agreement(dataset),
    }


def made_by(dataset: Dataset) -> dict[str, int]:
    """How many of the kept examples people wrote, a model wrote (by its name), were computed, or were taken from statements."""
    found: Counter[str] = Counter()
    for origin, how in dataset.examples.kept().values_list("origin", "made_how"):
        if origin != Example.Origin.MADE:
            found[PEOPLE] += 1
        elif how.startswith("written by "):
            found[how.removeprefix("written by ").partition(", version ")[0]] += 1
        elif "SymPy" in how or "sandbox" in how:
            found[COMPUTED] += 1
        else:
            found[TAKEN] += 1
    return dict(found)


def coverage(dataset: Dataset) -> dict[str, Any]:
    """How much of the material the kept examples rest on: for each material its pages (slides, sections, cells, times) in order,
    with their passages and examples."""
    rows = Passage.objects.for_agent(dataset.course).select_related("material")
    if chosen := list(dataset.materials.values_list("pk", flat=True)):
        rows = rows.filter(material__in=chosen)
    cited = Source.objects.filter(example__dataset=dataset, example__state=Example.State.KEPT)
    by_passage: dict[int, set[int]] = {}
    for passage, example in cited.exclude(passage=None).values_list("passage", "example"):
        by_passage.setdefault(passage or 0, set()).add(example)
    materials: dict[int, dict[str, Any]] = {}
    covered = total = 0
    for row in rows.order_by("material__position", "material", "ordinal"):
        entry = materials.setdefault(row.material_id, {"title": row.material.title, "pages": []})
        label, examples = place(row.anchor, row.heading_path), by_passage.get(row.pk, set())
        if not entry["pages"] or entry["pages"][-1]["label"] != label:
            entry["pages"].append({"label": label, "passages": 0, "covered": 0, "examples": set()})
        page = entry["pages"][-1]
        page["passages"] += 1
        page["covered"] += bool(examples)
        page["examples"] |= examples
        covered += bool(examples)
        total += 1
    for entry in materials.values():
        entry["pages"] = [{**page, "examples": len(page["examples"])} for page in entry["pages"]]
    return {"passages": total, "covered": covered, "materials": list(materials.values())}


def exercises(dataset: Dataset) -> dict[str, int]:
    """The coding exercises: how many, how many wrong solutions were tried on their tests, how many these noticed."""
    rows = Exercise.objects.filter(pk__in=dataset.examples.kept().exclude(exercise=None).values("exercise"))
    found = list(rows.values_list("mutants", "killed"))
    return {
        "count": len(found),
        "mutants": sum(mutants for mutants, _ in found),
        "killed": sum(killed for _, killed in found),
    }


def agreement(dataset: Dataset) -> dict[str, Any]:
    """How many examples people looked at, how often two of them agreed to keep or to reject, and how far that is beyond
    chance: Cohen's kappa, None where it says nothing."""
    verdicts: dict[int, list[bool]] = {}
    rows = Review.objects.filter(example__dataset=dataset).order_by("pk").values_list("example", "verdict")
    for example, verdict in rows:
        verdicts.setdefault(example, []).append(verdict != Review.Verdict.REJECT)
    twice = [found[:2] for found in verdicts.values() if len(found) > 1]
    same = sum(one == other for one, other in twice)
    return {
        "reviewed": len(verdicts),
        "twice": len(twice),
        "agreed": same,
        "kappa": kappa([str(one) for one, _ in twice], [str(other) for _, other in twice]),
    }


def _mean(values: list[int]) -> float:
    return round(sum(values) / len(values), 1) if values else 0.0
