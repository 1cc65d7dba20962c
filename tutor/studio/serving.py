"""Putting an adapter in front of a course, for all or a share of its conversations, and taking it back.

An adapter is a model name on an endpoint: the embedded host finds it in its folder; a vLLM server is told by its adapter API.
Retrieval and verification stay as they are: the tuned model writes, the material decides.
"""

from __future__ import annotations

from typing import Any

import httpx
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from courses.models import Course
from tutor.accounts.models import User, record
from tutor.chat.models import Conversation, Signal, Turn
from tutor.llm import catalog
from tutor.llm.models import Endpoint, Trial
from tutor.studio.evaluating import beat_its_baselines
from tutor.studio.models import Adapter

SECONDS = 60  # for a server to load an adapter


class NotServed(Exception):
    """The adapter was not put to work; the message says why."""


def serve(adapter: Adapter, *, share: float = 1.0, user: User | None = None, anyway: bool = False) -> Trial:
    """Let the adapter answer its course, for `share` (0..1] of the conversations. Raises NotServed.

    Only an adapter that beat its baselines is served, unless a person wants it `anyway`, which the audit log remembers.
    """
    if adapter.retired_at is not None:
        raise NotServed(f"“{adapter.name}” was retired. Train another one.")
    if not 0 < share <= 1:
        raise NotServed("The share has to be more than 0 and at most 1.")
    better, why = beat_its_baselines(adapter)
    if not better and not anyway:
        raise NotServed(f"“{adapter.name}” did not beat its baselines. {why}")
    endpoint = _endpoint(adapter)
    with transaction.atomic():
        _end(adapter.course)
        trial = Trial.objects.create(course_id=adapter.course_id, endpoint=endpoint, share=share)
        record(
            user,
            "adapter.served",
            adapter.name,
            course_id=adapter.course_id,
            share=share,
            anyway=anyway and not better,
        )
    return trial


def withdraw(course: Course, user: User | None = None) -> bool:
    """Take back what is on trial in the course; its own endpoint answers again from the next question on."""
    ended = _end(course)
    if ended:
        record(user, "adapter.withdrawn", course.slug, course_id=course.pk)
    return bool(ended)


def retire(adapter: Adapter, user: User | None = None) -> None:
    """Take the adapter back wherever it answers, and never serve it again. Its files stay for the record."""
    with transaction.atomic():
        Trial.objects.filter(endpoint__model=adapter.name, ended=None).update(ended=timezone.now())
        Endpoint.objects.filter(name=_name(adapter)).update(enabled=False)
        Adapter.objects.filter(pk=adapter.pk).update(retired_at=timezone.now())
        adapter.refresh_from_db()
        record(user, "adapter.retired", adapter.name, course_id=adapter.course_id)


def serving(course: Course) -> Trial | None:
    """What is on trial in the course."""
    return Trial.objects.running(course.pk)


def result(trial: Trial) -> list[dict[str, Any]]:
    """The A/B result since the trial began: per model its turns, abstentions, thumbs, and questions asked again."""
    turns = Turn.objects.filter(
        conversation__course_id=trial.course_id,
        conversation__kind=Conversation.Kind.CHAT,
        created__gte=trial.begun,
        state=Turn.State.DONE,
    )
    again = (Signal.Kind.REFORMULATED, Signal.Kind.REGENERATED)
    names = ("turns", "abstained", "up", "down", "again")
    rows = (
        turns.values("usage__endpoint__model")
        .annotate(
            turns=Count("pk", distinct=True),
            abstained=Count("pk", filter=Q(abstained=True), distinct=True),
            up=Count("feedback", filter=Q(feedback__up=True), distinct=True),
            down=Count("feedback", filter=Q(feedback__up=False), distinct=True),
            again=Count("pk", filter=Q(signals__kind__in=again), distinct=True),
        )
        .order_by("usage__endpoint__model")
        .values_list("usage__endpoint__model", *names)
    )
    return [
        {
            "model": model or "",
            "tried": model == trial.endpoint.model,
            **dict(zip(names, counts, strict=True)),
        }
        for model, *counts in rows
    ]


def _end(course: Course) -> int:
    return Trial.objects.filter(course_id=course.pk, ended=None).update(ended=timezone.now())


def _name(adapter: Adapter) -> str:
    return f"Adapter {adapter.pk}"


def _endpoint(adapter: Adapter) -> Endpoint:
    """The endpoint row of an adapter: where the base is served, under the adapter's name. Raises NotServed."""
    home = Endpoint.objects.of_settings()
    if not home.embedded:
        _load_elsewhere(home, adapter)
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


def _load_elsewhere(home: Endpoint, adapter: Adapter) -> None:
    """Tell a vLLM server where the adapter lies; it has to see the same folder."""
    folder = str(catalog.root() / "adapters" / adapter.name)
    headers = {"Authorization": f"Bearer {home.api_key}"} if home.api_key else {}
    try:
        answer = httpx.post(
            f"{home.base_url}/load_lora_adapter",
            json={"lora_name": adapter.name, "lora_path": folder},
            headers=headers,
            timeout=SECONDS,
        )
    except httpx.HTTPError as error:
        raise NotServed(
            f"{home.base_url} could not be asked to load the adapter: {error or type(error).__name__}."
        ) from None
    known = answer.status_code == 400 and "already" in answer.text
    if answer.status_code >= 300 and not known:
        raise NotServed(
            f"{home.base_url} did not load the adapter (status {answer.status_code}: {answer.text.strip()[:200]}). A vLLM server "
            "needs --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, and has to see the folder of the models."
        )
