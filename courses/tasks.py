"""Queued work on material. Thin: load the row, call the work, record the outcome.

Jobs whose worker or message was lost are queued again by `jobs.reap` (tutor/tasks.py), which knows every kind of job.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

from courses.models import Material
from tutor.jobs import State

logger = logging.getLogger(__name__)

SLICE = 1024  # propositions embedded in one go, so that a file that was just uploaded waits seconds at most
WRITTEN = 10  # passages whose propositions a model writes in one go
REFINE_LEASE = 600  # seconds after which a slice that did not end counts as lost


@shared_task(name="courses.ingest_material", queue="ingest", acks_late=True, reject_on_worker_lost=True)
def ingest_material(material_id: int) -> None:
    """Read a material; then queue the embedding of its propositions."""
    from courses.ingestion import ingest

    material = Material.objects.filter(pk=material_id).first()
    if material is None:
        return
    ingest(material)
    if Material.objects.filter(pk=material_id, state=State.DONE, refined=False).exists():
        refine_material.delay(material_id)


@shared_task(name="courses.refine_material", queue="ingest", acks_late=True, reject_on_worker_lost=True)
def refine_material(material_id: int) -> None:
    """Write (with a capable endpoint) and embed a slice of a material's propositions, and queue the next."""
    from courses.propositions_by_model import rewrite_material
    from courses.storing import embed_propositions

    material = Material.objects.filter(pk=material_id, state=State.DONE, refined=False).first()
    key = f"refining-{material_id}"
    if material is None or not cache.add(key, True, REFINE_LEASE):
        return
    try:
        done = rewrite_material(material, WRITTEN) and embed_propositions(material, SLICE)
    finally:
        cache.delete(key)
    if not done:
        refine_material.delay(material_id)


@shared_task(name="courses.refine_waiting", queue="maintenance")
def refine_waiting() -> None:
    """Queue the embedding of propositions that a lost message left undone."""
    settled = timezone.now() - timedelta(seconds=2 * REFINE_LEASE)
    for pk in Material.objects.filter(state=State.DONE, refined=False, finished_at__lt=settled).values_list(
        "pk", flat=True
    ):
        refine_material.delay(pk)


@shared_task(name="courses.sweep_files", queue="maintenance")
def sweep_files() -> None:
    """Delete what killed processes left of uploads and readings."""
    from courses.sweeping import sweep

    gone = sweep()
    if gone:
        logger.warning("Deleted files that nobody held: %s", ", ".join(gone))
