"""The table of an evaluation: what its rows amount to, each figure with a 95 % interval by resampling questions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from tutor.studio import bootstrap
from tutor.studio.agreement import agreement
from tutor.studio.asking import RETRIEVAL, questions_of
from tutor.studio.banks import Asked
from tutor.studio.labelling import RULE, measured
from tutor.studio.models import Answer, Comparison, Evaluation, Label, Preference, Rating

Context = Answer.Context
RANK = {Label.CORRECT: 2, Label.PARTIAL: 1, Label.INCORRECT: 0}
Figure = dict[str, float]


def describe(evaluation: Evaluation, systems: Sequence[str]) -> dict[str, Any]:
    """All that the evaluation found. Without answers nothing is said but how it was done."""
    asked = questions_of(evaluation)
    answers = list(evaluation.answers.all())
    table: dict[str, Any] = {
        "questions": sum(not one.options and not one.item for one in asked),
        "exercises": len({one.exercise for one in asked if one.exercise}),
        "runs": evaluation.runs,
        "seed": evaluation.seed,
        "judge": evaluation.judge,
    }
    if evaluation.judge == RULE:
        table["rule"] = measured()
    if evaluation.subject == Evaluation.Subject.AGENT:
        return table | {"agent": _agent(answers, asked, evaluation.seed)}
    first = {name: _by_number(answers, name) for name in systems}
    return table | {
        "systems": {name: _system(rows, asked, evaluation.seed) for name, rows in first.items() if rows},
        "comparisons": [
            _pair(first, *pair, asked, evaluation.seed) for pair in pairs(systems) if _common(first, *pair)
        ],
        "labels": _labels(answers, systems, asked, evaluation.seed),
        "judged": _judged(list(evaluation.judged.all()), pairs(systems)),
        "choice": _choice(answers, systems, evaluation.seed),
    }


def pairs(systems: Sequence[str]) -> list[tuple[str, str]]:
    """What is compared: the measured system with each other one, with retrieval where that has it."""
    own = systems[0].removesuffix(RETRIEVAL)
    found = []
    for other in systems:
        mine = own + RETRIEVAL if other.endswith(RETRIEVAL) else own
        if other.removesuffix(RETRIEVAL) != own and mine in systems:
            found.append((mine, other))
    return found


def _by_number(answers: Iterable[Answer], system: str) -> dict[int, Answer]:
    return {
        row.number: row
        for row in answers
        if row.system == system and row.run == 0 and row.context == Context.SEPARATE
    }


def _groups(numbers: Iterable[int], asked: Sequence[Asked]) -> list[str]:
    """What is drawn together: the parts of one exercise."""
    return [asked[number].exercise or f"question {number}" for number in numbers]


def _mean(values: dict[int, float], asked: Sequence[Asked], seed: int) -> Figure:
    return bootstrap.mean(list(values.values()), seed, groups=_groups(values, asked))


def _system(rows: dict[int, Answer], asked: Sequence[Asked], seed: int) -> dict[str, Any]:
    return {
        "nearness": _mean({number: row.nearness or 0.0 for number, row in rows.items()}, asked, seed),
        "grounded": _mean({number: row.grounded or 0.0 for number, row in rows.items()}, asked, seed),
        "words": round(sum(len(row.text.split()) for row in rows.values()) / len(rows), 1),
    }


def _common(rows: dict[str, dict[int, Answer]], system: str, against: str) -> list[int]:
    """The questions that both answered; fewer than all where the evaluation was stopped."""
    return sorted(set(rows[system]) & set(rows[against]))


def _pair(
    rows: dict[str, dict[int, Answer]], system: str, against: str, asked: Sequence[Asked], seed: int
) -> dict[str, Any]:
    ours, theirs = rows[system], rows[against]
    numbers = _common(rows, system, against)
    groups = _groups(numbers, asked)

    def difference(name: str) -> Figure:
        return bootstrap.paired(
            [getattr(ours[number], name) or 0.0 for number in numbers],
            [getattr(theirs[number], name) or 0.0 for number in numbers],
            seed,
            groups=groups,
        )

    nearer = [float((ours[n].nearness or 0.0) > (theirs[n].nearness or 0.0)) for n in numbers]
    differ = {n: won for n, won in zip(numbers, nearer, strict=True) if ours[n].text != theirs[n].text}
    return {
        "system": system,
        "against": against,
        "nearer": bootstrap.mean(nearer, seed, groups=groups),
        "same": len(numbers) - len(differ),  # answers word for word alike, of which neither is nearer
        "nearer_of_others": _mean(differ, asked, seed) if differ else None,
        "nearness": difference("nearness"),
        "grounded": difference("grounded"),
    }


# Labels --------------------------------------------------------------------------------------------------------------


def _labels(
    answers: Sequence[Answer], systems: Sequence[str], asked: Sequence[Asked], seed: int
) -> list[dict[str, Any]]:
    """A row a system and context: all questions, each in a conversation of its own; those with parts, apart and together."""
    found = []
    for what, context, parts in (
        ("all", Context.SEPARATE, False),
        ("shared", Context.SHARED, True),
        ("separate", Context.SEPARATE, True),
    ):
        for name in systems:
            rows = [
                row
                for row in answers
                if row.system == name and row.context == context and row.label
                and (asked[row.number].exercise or not parts)
            ]  # fmt: skip
            if rows and (what != "separate" or any(row.context == Context.SHARED for row in answers)):
                found.append({"system": name, "context": what, **_shares(rows, asked, seed)})
    return found


def _shares(rows: Sequence[Answer], asked: Sequence[Asked], seed: int) -> dict[str, Any]:
    """The share of each label over all runs, and of the questions on which runs disagree; the same of explanations."""
    by_number: dict[int, list[Answer]] = defaultdict(list)
    for row in rows:
        by_number[row.number].append(row)
    found: dict[str, Any] = {"questions": len(by_number), "answers": len(rows)}
    found |= _of_labels({n: [str(row.label) for row in some] for n, some in by_number.items()}, asked, seed)
    explained = {
        n: [str(row.explanation) for row in some if row.explanation] for n, some in by_number.items()
    }
    explained = {n: some for n, some in explained.items() if some}
    if explained:
        found["explanation"] = {"questions": len(explained), **_of_labels(explained, asked, seed)}
    return found


def _of_labels(labels: dict[int, list[str]], asked: Sequence[Asked], seed: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: _mean({n: some.count(name) / len(some) for n, some in labels.items()}, asked, seed)
        for name in Label.values
    }
    several = {n: float(len(set(some)) > 1) for n, some in labels.items() if len(some) > 1}
    if several:
        found["disagree"] = _mean(several, asked, seed)
    return found


# Judge and people ----------------------------------------------------------------------------------------------------


def _judged(rows: Sequence[Comparison], wanted: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    found = []
    for system, against in wanted:
        mine = [row for row in rows if (row.system, row.against) == (system, against)]
        if mine:
            counts = Counter(row.verdict or "inconsistent" for row in mine)
            names = [*Preference.values, "inconsistent"]
            found.append(
                {
                    "system": system,
                    "against": against,
                    "questions": len(mine),
                    **{name: counts[name] for name in names},
                    "first": sum(_first(row) for row in mine),
                }
            )
    return found


def _first(row: Comparison) -> bool:
    """Whether the judge took what stood first, both times."""
    return (row.forward, row.backward) == (Preference.OURS, Preference.THEIRS)


def preference(ours: str, theirs: str) -> str:
    """What two labels say of two answers: the better one; of equal ones neither where both are incorrect, else both."""
    one, other = RANK[Label(ours)], RANK[Label(theirs)]
    if one != other:
        return str(Preference.OURS if one > other else Preference.THEIRS)
    return str(Preference.BOTH if one else Preference.NEITHER)


def agreements(evaluation: Evaluation) -> list[dict[str, Any]]:
    """How far people who rated blind agree: with the judge's comparisons, with what the labels say, and with each other."""
    ratings = list(evaluation.ratings.order_by("pk"))
    judged = {
        (row.number, row.system, row.against): row.verdict or "inconsistent"
        for row in evaluation.judged.all()
    }
    rows = evaluation.answers.filter(run=0, context=Context.SEPARATE).exclude(label="")
    labels = {(row.number, row.system): row.label for row in rows}
    said = {
        key: preference(labels[key[0], key[1]], labels[key[0], key[2]])
        for key in {_key(rating) for rating in ratings}
        if (key[0], key[1]) in labels and (key[0], key[2]) in labels
    }
    by = "the rule’s labels" if evaluation.judge == RULE else "the judge’s labels"
    found = [
        {
            "with": name,
            **_agreed([(rating.verdict, other[_key(rating)]) for rating in ratings if _key(rating) in other]),
        }
        for name, other in (("the judge’s comparisons", judged), (by, said))
    ]
    first: dict[tuple[int, str, str], Rating] = {}
    again = []
    for rating in ratings:
        earlier = first.setdefault(_key(rating), rating)
        if earlier is not rating:
            again.append((earlier.verdict, rating.verdict))
    found.append({"with": "each other", **_agreed(again)})
    return [row for row in found if row["pairs"]]


def _key(rating: Rating) -> tuple[int, str, str]:
    return rating.number, rating.system, rating.against


def _agreed(verdicts: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return agreement([one for one, _ in verdicts], [other for _, other in verdicts])


# Choices and the agent -----------------------------------------------------------------------------------------------


def _choice(answers: Sequence[Answer], systems: Sequence[str], seed: int) -> list[dict[str, Any]]:
    found = []
    for name in systems:
        rows = [row for row in answers if row.system == name and row.context == Context.CHOICE]
        if rows:
            counts = [len(row.detail["options"]) for row in rows]
            found.append(
                {
                    "system": name,
                    "questions": len(rows),
                    "accuracy": bootstrap.mean([float(row.label == Label.CORRECT) for row in rows], seed),
                    "chance": round(sum(1 / count for count in counts) / len(counts), 4),
                    "first": bootstrap.mean([row.detail["first"] for row in rows], seed),
                }
            )
    return found


def _agent(answers: Sequence[Answer], asked: Sequence[Asked], seed: int) -> dict[str, Any]:
    """Right, partly right, confidently wrong, abstained; and of quiz items how many were given away."""
    found: dict[str, Any] = {}
    graded = [row for row in answers if not asked[row.number].item] or list(answers)
    if graded:
        labels = {row.number: "abstained" if row.abstained else str(row.label) for row in graded}
        found["questions"] = len(labels)
        found["of_items"] = bool(asked[graded[0].number].item)
        for name in [*Label.values, "abstained"]:
            found[name] = _mean({n: float(said == name) for n, said in labels.items()}, asked, seed)
        grounded = {row.number: row.grounded for row in graded if row.grounded is not None}
        if grounded:
            found["grounded"] = _mean(grounded, asked, seed)
    items = [row for row in answers if asked[row.number].item]
    if items:
        given = {row.number: float(row.detail.get("gives_away", False)) for row in items}
        found["items"] = len(items)
        found["given_away"] = _mean(given, asked, seed)
    return found
