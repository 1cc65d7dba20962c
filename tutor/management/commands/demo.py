"""`manage.py demo`: the demo course and its people."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from courses.demo import course as demo
from courses.models import Course, Material, Role
from tutor.accounts.demo import DEMO_USERS
from tutor.accounts.models import User
from tutor.jobs import State


class Command(BaseCommand):
    help = (
        "Create the demo course with its people, materials and a lesson, and six teachers' observed lessons with their reports. "
        "Safe to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object a material and one for the course"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        course, waiting = demo.load()
        if waiting and not options["json"]:
            self.stdout.write(f"Reading the {len(waiting)} materials of the demo course (once) …")
        failed = [material for material in waiting if not self.read(material, as_json=options["json"])]
        if not failed:
            self.make_lesson(course, as_json=options["json"])
        reports = self.observe(as_json=options["json"])
        if options["json"]:
            logins = [person.email for person in DEMO_USERS]
            self.stdout.write(
                json.dumps(
                    {
                        "course": course.slug,
                        "materials": course.materials.count(),
                        "lessons": course.lessons.count(),
                        "reports": reports,
                        "logins": logins,
                    }
                )
            )
        elif waiting:
            self.stdout.write("The demo is ready.")
        if waiting and not settings.DEMO:
            self.stderr.write("The demo's passwords are refused until LYCEUM_DEMO=1 is set.")
        if failed:
            raise CommandError(
                "Some demo materials could not be read; see above. Run the command again to retry."
            )

    def make_lesson(self, course: Course, *, as_json: bool) -> None:
        """Make and publish the lesson on the first lecture, unless the course has a lesson."""
        from tutor.classrooms.making import demo_lesson

        instructor = next(person.email for person in DEMO_USERS if person.role == Role.INSTRUCTOR)
        lesson = demo_lesson(course, User.objects.filter(email=instructor).first())
        if lesson is not None and not as_json:
            pages, flags = lesson.pages.count(), lesson.open_flags()
            self.stdout.write(
                f"  Lesson “{lesson.title}”: {pages} pages, {flags} sentences to review, {lesson.status}"
            )

    def observe(self, *, as_json: bool) -> int:
        """Bring and score the observed lessons that are not there yet; return how many reports there are."""
        from coach.demo import loading

        waiting = loading.load()
        if waiting and not as_json:
            self.stdout.write(f"Scoring {len(waiting)} observed lessons (once) …")
            self.stdout.flush()
        failed = sum(not loading.score(report) for report in waiting)
        if failed:
            self.stderr.write(
                f"{failed} of them could not be scored; their reports say why. Run it again to retry."
            )
        return loading.reports().count()

    def read(self, material: Material, *, as_json: bool) -> bool:
        """Read one material and say how it went."""
        from courses.ingestion import ingest

        began = time.monotonic()
        if material.state != State.QUEUED:  # it failed, or an earlier start was interrupted
            material.queue()
        ingest(material)
        material.refresh_from_db()
        seconds = round(time.monotonic() - began, 1)
        passages = material.passages.count()
        if as_json:
            self.stdout.write(
                json.dumps(
                    {
                        "material": str(material.uuid),
                        "file": material.filename,
                        "state": material.state,
                        "passages": passages,
                        "seconds": seconds,
                        "error": material.error,
                    }
                )
            )
        else:
            outcome = material.error or f"{passages} passages, {seconds} s"
            self.stdout.write(f"  {material.title}: {outcome}")
        self.stdout.flush()
        return material.state == State.DONE
