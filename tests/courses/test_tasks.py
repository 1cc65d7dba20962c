"""Queued work on material: what each task leads to, and that none is lost or done twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from courses import tasks
from courses.models import Material, Proposition
from tests import make
from tests.courses.test_ingestion import queued
from tutor.jobs import State

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The materials whose refinement was queued."""
    found: list[int] = []
    monkeypatch.setattr(tasks.refine_material, "delay", found.append)
    return found


@pytest.mark.model
def test_reading_queues_the_embedding_of_propositions(sent: list[int]) -> None:
    material = queued(make.course())
    tasks.ingest_material(material.pk)
    assert sent == [material.pk]
    assert Material.objects.get(pk=material.pk).state == State.DONE


@pytest.mark.model
def test_refining_goes_on_slice_by_slice_until_it_is_done(
    monkeypatch: pytest.MonkeyPatch, sent: list[int]
) -> None:
    monkeypatch.setattr(tasks, "SLICE", 1)
    monkeypatch.setattr("courses.storing.BATCH", 1)
    material = queued(make.course())
    tasks.ingest_material(material.pk)
    rounds = 0
    while sent and rounds < 50:
        tasks.refine_material(sent.pop())
        rounds += 1
    assert rounds > 2
    assert not Proposition.objects.filter(vector=None).exists()
    assert Material.objects.get(pk=material.pk).refined


def test_a_slice_that_is_being_worked_on_is_left_alone(sent: list[int]) -> None:
    material = make.material(make.course(), "text")
    cache.add(f"refining-{material.pk}", True)
    tasks.refine_material(material.pk)
    assert not Material.objects.get(pk=material.pk).refined
    assert sent == []


def test_gone_material_is_no_error(sent: list[int]) -> None:
    tasks.ingest_material(404)
    tasks.refine_material(404)
    assert sent == []


def test_what_a_lost_message_left_undone_is_queued_again(sent: list[int]) -> None:
    course = make.course()
    long_ago = timezone.now() - timedelta(hours=2)
    lost = make.material(course, "text", finished_at=long_ago)
    make.material(course, "text", finished_at=long_ago, refined=True)
    make.material(course, "text", finished_at=timezone.now())
    tasks.refine_waiting()
    assert sent == [lost.pk]
