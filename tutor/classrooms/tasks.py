"""Queued work of classrooms. Thin: load the row, call the work, record the outcome."""

from __future__ import annotations

from celery import shared_task

from tutor.classrooms.models import LessonPage


@shared_task(name="classrooms.write_page", queue="ingest", acks_late=True, reject_on_worker_lost=True)
def write_page(page_id: int) -> None:
    """Write the script of one page of a lesson."""
    from tutor.classrooms.writing import work

    page = LessonPage.objects.select_related("lesson__course", "material").filter(pk=page_id).first()
    if page is not None:
        work(page)
