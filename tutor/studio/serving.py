"""Putting an adapter in front of a course, for all or a share of its conversations, and taking it back.

An adapter is a model name on an endpoint (`loading.py`). Retrieval and verification stay as they are: the tuned model writes,
the material decides. A conversation stays with the model that answered it first for as long as the trial lasts
(`Endpoint.objects.for_course`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from courses.models import Course
from tutor.accounts.models import AuditEntry, User, record
from tutor.chat.models import Conversation, Feedback, Signal, Turn
from tutor.llm.models import Endpoint, Trial
from tutor.studio import bootstrap
from tutor.studio.evaluating import beat_its_baselines
from tutor.studio.loading import NotLoaded, load, unload
from tutor.studio.models import Adapter

MEASURES = {  # of a trial: what is counted, and whether more of it is better
    "up": ("thumbs up, of the rated answers", True),
    "again": ("asked again in other words or answered anew", False),
    "abstained": ("abstained", False),
    "stopped": ("stopped while it was written", False),
}


class NotServed(Exception):
    """The adapter was not put to work; the message says why."""


def serve(adapter: Adapter, *, share: float = 1.0, user: User | None = None, anyway: bool = False) -> Trial:
    """Let the adapter answer its course, for `share` (0..1] of the conversations. Raises NotServed.

    Only an adapter that beat its baselines is served. One that did not is with `anyway`, which takes a person's name: `user` is
    kept in the audit log with what the evaluation said, and shown for as long as it serves.
    """
    if adapter.retired_at is not None:
        raise NotServed(f"“{adapter.name}” was retired. Train another one.")
    if not 0 < share <= 1:
        raise NotServed("The share has to be more than 0 and at most 1.")
    better, why = beat_its_baselines(adapter)
    if not better and not anyway:
        raise NotServed(f"“{adapter.name}” did not beat its baselines. {why}")
    if not better and user is None:
        raise NotServed(
            f"“{adapter.name}” did not beat its baselines. {why} Somebody has to answer for serving it anyway: name them."
        )
    endpoint = _endpoint(adapter)
    with transaction.atomic():
        before = serving(adapter.course)
        _end(adapter.course)
        trial = Trial.objects.create(course_id=adapter.course_id, endpoint=endpoint, share=share)
        record(
            user,
            "adapter.served",
            adapter.name,
            course_id=adapter.course_id,
            share=share,
            anyway=not better,
            although=why,
        )
    if before is not None and before.endpoint_id != endpoint.pk:
        _forget(before)
    return trial


def withdraw(course: Course, user: User | None = None) -> str:
    """Take back what is on trial in the course; its own endpoint answers again from the next question on.

    Returns the adapter's name, "" where none was on trial. A server that does not unload it changes nothing about that.
    """
    trial = serving(course)
    if not _end(course) or trial is None:
        return ""
    record(user, "adapter.withdrawn", trial.endpoint.model, course_id=course.pk)
    _forget(trial)
    return str(trial.endpoint.model)


def retire(adapter: Adapter, user: User | None = None) -> None:
    """Take the adapter back wherever it answers, and never serve it again. Its files stay for the record."""
    with transaction.atomic():
        trial = (
            Trial.objects.filter(endpoint__name=_name(adapter), ended=None).select_related("endpoint").first()
        )
        Trial.objects.filter(endpoint__name=_name(adapter), ended=None).update(ended=timezone.now())
        Endpoint.objects.filter(name=_name(adapter)).update(enabled=False)
        Adapter.objects.filter(pk=adapter.pk).update(retired_at=timezone.now())
        adapter.refresh_from_db()
        record(user, "adapter.retired", adapter.name, course_id=adapter.course_id)
    if trial is not None:
        _forget(trial)


def serving(course: Course) -> Trial | None:
    """What is on trial in the course."""
    return Trial.objects.running(course.pk)


def shown(course: Course) -> Trial | None:
    """The trial whose result is of interest: the one that runs, else the newest."""
    newest = Trial.objects.filter(course_id=course.pk).select_related("endpoint").order_by("-pk").first()
    return serving(course) or newest


def accepted_by(trial: Trial) -> AuditEntry | None:
    """Who answers for a trial whose adapter did not beat its baselines; None where it did."""
    entries = AuditEntry.objects.filter(
        action="adapter.served", course_id=trial.course_id, target=trial.endpoint.model
    )
    newest = entries.select_related("actor").order_by("-created").first()
    return newest if newest is not None and newest.data.get("anyway") else None


def result(trial: Trial) -> dict[str, Any]:
    """The A/B result since the trial began, {} where nothing was answered.

    {"answers", "conversations": {"tried", "own"}, "measures": [{"name", "tried", "own", "difference", "says"}]}. A share has a
    95 % interval that draws whole conversations, because answers of one are alike; the difference has Newcombe's (1998).
    """
    signals = Signal.objects.filter(turn=OuterRef("pk"))
    again = (Signal.Kind.REFORMULATED, Signal.Kind.REGENERATED)
    turns = (
        Turn.objects.filter(
            conversation__course_id=trial.course_id,
            conversation__kind=Conversation.Kind.CHAT,
            created__range=(trial.begun, trial.ended or timezone.now()),
            state__in=(Turn.State.DONE, Turn.State.STOPPED),
        )
        .annotate(
            again=Exists(signals.filter(kind__in=again)),
            rated_up=Exists(Feedback.objects.filter(turn=OuterRef("pk"), up=True)),
            rated_down=Exists(Feedback.objects.filter(turn=OuterRef("pk"), up=False)),
        )
        .values_list(
            "usage__endpoint_id", "conversation_id", "state", "abstained", "again", "rated_up", "rated_down"
        )
    )
    seen: dict[str, dict[str, list[tuple[int, bool]]]] = {
        arm: {name: [] for name in ("answers", *MEASURES)} for arm in ("tried", "own")
    }
    for endpoint, conversation, state, abstained, repeated, up, down in turns:
        arm = seen["tried" if endpoint == trial.endpoint_id else "own"]
        stopped = state == Turn.State.STOPPED
        arm["answers"].append((conversation, True))
        arm["stopped"].append((conversation, stopped))
        arm["again"].append((conversation, repeated))
        if not stopped:
            arm["abstained"].append((conversation, abstained))
        if up or down:
            arm["up"].append((conversation, up))
    counts = {arm: len(rows["answers"]) for arm, rows in seen.items()}
    if not any(counts.values()):
        return {}
    return {
        "answers": counts,
        "conversations": {arm: len({one for one, _ in rows["answers"]}) for arm, rows in seen.items()},
        "measures": [
            _measure(what, better, _rate(seen["tried"][name]), _rate(seen["own"][name]))
            for name, (what, better) in MEASURES.items()
        ],
    }


Rate = dict[str, float]


def _measure(what: str, more_is_better: bool, tried: Rate | None, own: Rate | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": what,
        "tried": tried,
        "own": own,
        "difference": None,
        "says": "too few answers",
    }
    if tried and own:
        apart = tried["mean"] - own["mean"]
        low = apart - ((tried["mean"] - tried["low"]) ** 2 + (own["high"] - own["mean"]) ** 2) ** 0.5
        high = apart + ((tried["high"] - tried["mean"]) ** 2 + (own["mean"] - own["low"]) ** 2) ** 0.5
        row["difference"] = {"mean": apart, "low": low, "high": high}
        row["says"] = "not decided"
        if low > 0 or high < 0:
            row["says"] = "better" if (low > 0) == more_is_better else "worse"
    return row


def _rate(seen: Sequence[tuple[int, bool]]) -> Rate | None:
    """The share of what was seen, as (conversation, whether): {"mean", "low", "high", "of"}. None where nothing was seen."""
    if not seen:
        return None
    conversations, values = zip(*seen, strict=True)
    rate = bootstrap.mean([float(value) for value in values], groups=conversations)
    unseen = 1 - 0.025 ** (1 / len(set(conversations)))  # Clopper and Pearson's bound where all are the same
    if not any(values):
        rate["high"] = unseen
    elif all(values):
        rate["low"] = 1 - unseen
    return {**rate, "of": len(values)}


def _end(course: Course) -> int:
    return Trial.objects.filter(course_id=course.pk, ended=None).update(ended=timezone.now())


def _forget(trial: Trial) -> None:
    """Have the server forget the adapter of a trial that ended. It stays on record where the server would not."""
    adapter = Adapter.objects.filter(name=trial.endpoint.model).first()
    if adapter is None:
        return
    try:
        unload(trial.endpoint, adapter)
    except NotLoaded as error:
        record(None, "adapter.not_unloaded", adapter.name, course_id=trial.course_id, error=str(error))


def _name(adapter: Adapter) -> str:
    return f"Adapter {adapter.pk}"


def _endpoint(adapter: Adapter) -> Endpoint:
    """The endpoint row of an adapter: where the base is served, under the adapter's name. Raises NotServed."""
    home = Endpoint.objects.of_settings()
    try:
        load(home, adapter)
    except NotLoaded as error:
        raise NotServed(str(error)) from None
    values = {
        "base_url": home.base_url,
        "model": adapter.name,
        "embedded": home.embedded,
        "capable": False,
        "max_tokens": home.max_tokens,
        "temperature": home.temperature,
        "secret": home.secret,
        "enabled": True,
    }
    row, _ = Endpoint.objects.update_or_create(name=_name(adapter), defaults=values)
    return row
