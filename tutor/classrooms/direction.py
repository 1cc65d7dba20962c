"""How good directors are: measured on situations whose acceptable choices were written down, and on what people marked."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from asgiref.sync import async_to_sync

from courses.models import Course
from tutor.classrooms import director
from tutor.classrooms.director import Candidate, Situation
from tutor.classrooms.models import Decision, Measurement
from tutor.classrooms.models.direction import DATA, Standing, digest
from tutor.llm.errors import EndpointError
from tutor.llm.models import Endpoint

WORKING = (Measurement.State.QUEUED, Measurement.State.RUNNING)


@dataclass(frozen=True)
class Case:
    """A situation, and the acts ("function act") that are acceptable in it. The rule was tuned on the half "tune"."""

    half: str
    group: str
    situation: Situation
    acceptable: frozenset[str]

    def right(self, candidate: Candidate) -> bool:
        return f"{candidate.function} {candidate.act}" in self.acceptable

    @property
    def chance(self) -> float:
        """How probably a random director is right."""
        candidates = director.legal(self.situation)
        return sum(map(self.right, candidates)) / len(candidates)


def cases(half: str = "") -> list[Case]:
    """The stored situations, all or of one half."""
    rows = map(json.loads, (DATA / "situations.jsonl").read_text(encoding="utf-8").splitlines())
    made = (
        Case(row["half"], row["group"], Situation.of(row["situation"]), frozenset(row["acceptable"]))
        for row in rows
    )
    return [case for case in made if half in ("", case.half)]


async def compare(endpoint: Endpoint, half: str = "held") -> Standing:
    """Model, rule and chance on the half that the rule was not tuned on. Raises EndpointError."""
    chosen = cases(half)
    right = 0
    for case in chosen:
        try:
            right += case.right((await director.by_model(case.situation, endpoint)).chosen)
        except EndpointError as error:
            if error.kind != "schema":  # it answered, but not with one of the options
                raise
    rule = sum(case.right(director.by_rule(case.situation).chosen) for case in chosen)
    return Standing(len(chosen), right, rule, round(sum(case.chance for case in chosen), 3))


def measure(row: Measurement) -> None:
    """The work of the job: put the endpoint's model before the situations."""
    if not row.claim():
        return
    with row.heartbeat():
        try:
            standing = asdict(async_to_sync(compare)(row.endpoint))
        except EndpointError as error:
            row.fail(str(error))
            return
        standing.pop("where")
        Measurement.objects.filter(pk=row.pk).update(results=standing)
    row.finish()


def begin(endpoint: Endpoint) -> Measurement:
    """A measurement of what the endpoint serves: the one under way, or a new one."""
    running = Measurement.objects.of(endpoint).filter(state__in=WORKING, digest=digest()).first()
    if running is not None:
        return running
    row = Measurement.objects.create(endpoint=endpoint, model=endpoint.model, digest=digest())
    row.queue()
    return row


def interval(right: float, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact binomial (Clopper-Pearson) interval of a share."""
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, right, of - right + 1)) if right > 0 else 0.0
    high = float(beta.ppf(1 - tail, right + 1, of - right)) if right < of else 1.0
    return low, high


def chance_interval(half: str = "held", draws: int = 4000) -> tuple[float, float]:
    """Where 95 of 100 random directors land, by drawing them."""
    dice = random.Random(7)
    chances = [case.chance for case in cases(half)]
    shares = sorted(sum(dice.random() < chance for chance in chances) / len(chances) for _ in range(draws))
    return shares[int(0.025 * draws)], shares[int(0.975 * draws)]


@dataclass(frozen=True)
class Precision:
    """Of a course's decisions that somebody judged, how many were right; with the 95 % interval."""

    judged: int
    right: int
    low: float
    high: float
    by: str = ""

    @property
    def share(self) -> float:
        return self.right / self.judged if self.judged else 0.0


def precision(course: Course) -> list[Precision]:
    """Of all directors together first, then of each; only where a person judged. A model's fall-back is the rule's."""
    rows = list(Decision.objects.filter(classroom__course=course).exclude(better=None).exclude(by="code"))
    names = ["", *sorted({row.by for row in rows})] if rows else []
    return [_precision([row for row in rows if name in ("", row.by)], name) for name in names]


def _precision(rows: list[Decision], by: str) -> Precision:
    right = sum(row.better == row.chosen for row in rows)
    return Precision(len(rows), right, *interval(right, len(rows)), by)


def seen(decision: Decision) -> Iterator[tuple[str, str]]:
    """What the director saw, as (what, words) for a person; what somebody said is left out (`Situation.last`)."""
    state: dict[str, Any] = decision.state
    yield "Page", f"{state.get('page', 0)} of {state.get('pages', 0)}"
    yield "Next in the script", state.get("next") or "the end"
    yield "On this page so far", ", ".join(state.get("acts") or []) or "nothing"
    for name, label in (("open_questions", "Open questions"), ("hands", "Hands up"), ("quiz", "Quiz")):
        if state.get(name):
            yield label, str(state[name])
    seconds = state.get("seconds_since_student")
    yield "A student spoke", "not yet" if seconds is None else f"{seconds:.0f} s before"
    shares = state.get("shares") or {}
    if shares:
        yield "Shares", ", ".join(f"{name} {share:.0%}" for name, share in shares.items() if share)
