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


@shared_task(name="classrooms.measure_director", queue="maintenance", acks_late=True)
def measure_director(measurement_id: int) -> None:
    """Put an endpoint's model before the director's situations."""
    from tutor.classrooms.direction import measure
    from tutor.classrooms.models import Measurement

    row = Measurement.objects.select_related("endpoint").filter(pk=measurement_id).first()
    if row is not None:
        measure(row)


@shared_task(name="classrooms.examine_classmate", queue="maintenance", acks_late=True)
def examine_classmate(teaching_id: int) -> None:
    """Give the classmate the test on what a student taught it."""
    from tutor.classrooms.models import Teaching
    from tutor.classrooms.teaching import examine

    row = Teaching.objects.select_related("course", "lesson").filter(pk=teaching_id).first()
    if row is not None:
        examine(row)
