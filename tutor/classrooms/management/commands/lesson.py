"""`manage.py lesson COURSE MATERIAL…`: a lesson's script, made here and now."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from courses.models import Course, Material
from tutor.classrooms import making, planning, publishing
from tutor.classrooms.models import Action, Lesson, LessonPage, Line
from tutor.llm.embeddings import EmbeddingError


class Command(BaseCommand):
    """Make a lesson of materials."""

    help = (
        "Make a lesson of a course's materials and print its script. With --json: {lesson, title, status, pages: [{page, title, "
        "description, section, anchor, state, error, actions: [{kind, lines: [{text, claim, verdict, flag, quote, url}], item, "
        "region}]}], sentences, flagged}."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("course", metavar="COURSE", help="the course's short name, as in its address")
        parser.add_argument(
            "materials", metavar="MATERIAL", nargs="+", help="a material's uuid, file name or title"
        )
        parser.add_argument(
            "--title", default="", help="the lesson's title; that of the first material without it"
        )
        parser.add_argument("--publish", action="store_true", help="publish it, if nothing is flagged")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        course = Course.objects.filter(slug=options["course"]).select_related("endpoint").first()
        if course is None:
            raise CommandError(
                f"There is no course {options['course']}. `manage.py ingest --create` makes one."
            )
        materials = [found(course, name) for name in options["materials"]]
        try:
            lesson = making.make(course, materials, options["title"], None, self.tell)
        except (planning.CannotTeach, EmbeddingError) as error:
            raise CommandError(str(error)) from None
        refused = ""
        if options["publish"]:
            try:
                publishing.publish(lesson, None)
            except publishing.NotReady as reason:
                refused = f"Not published: {reason}"
        script = as_json(Lesson.objects.get(pk=lesson.pk))
        if options["json"]:
            self.stdout.write(json.dumps(script, ensure_ascii=False))
        else:
            self.show(script)
        if refused:
            raise CommandError(refused)

    def tell(self, page: LessonPage) -> None:
        """Say on the error output how far it is."""
        if sys.stderr.isatty():
            self.stderr.write(f"  {page.ordinal}. {page.title}: {page.error or page.state}")

    def show(self, script: dict[str, Any]) -> None:
        """The script for a person to read."""
        self.stdout.write(f"{script['title']} ({script['status']})")
        for page in script["pages"]:
            self.stdout.write(f"\n{page['page']}. {page['title']}  [{' > '.join(page['section'])}]")
            if page["error"]:
                self.stdout.write(f"   {page['error']}")
            for action in page["actions"]:
                self.stdout.write(
                    f"   {action['kind']}" + (f": {action['item']['prompt']}" if action["item"] else "")
                )
                for line in action["lines"]:
                    self.stdout.write(f"      {'! ' if line['flag'] == 'open' else ''}{line['text']}")
        self.stdout.write(f"\n{script['sentences']} sentences, {script['flagged']} flagged")


def found(course: Course, name: str) -> Material:
    """The course's material of this uuid, file name or title; the version in use where there are several."""
    wanted = Q(filename=name) | Q(title=name)
    try:
        wanted |= Q(uuid=UUID(name))
    except ValueError:
        pass
    material = course.materials.filter(wanted).order_by("superseded", "-version").first()
    if material is None:
        raise CommandError(f"The course has no material {name}.")
    return material


def as_json(lesson: Lesson) -> dict[str, Any]:
    """A lesson's script as data."""
    related = ("actions__lines__passage__material__course", "actions__item__skill")
    pages = [page_json(page) for page in lesson.pages.prefetch_related(*related)]
    lines = [line for page in pages for action in page["actions"] for line in action["lines"]]
    return {
        "lesson": str(lesson.uuid),
        "title": lesson.title,
        "status": lesson.status,
        "pages": pages,
        "sentences": len(lines),
        "flagged": sum(line["flag"] != Line.Flag.NONE for line in lines),
    }


def page_json(page: LessonPage) -> dict[str, Any]:
    """A page of it."""
    return {
        "page": page.ordinal,
        "title": page.title,
        "description": page.description,
        "section": page.section,
        "anchor": page.anchor,
        "state": page.state,
        "error": page.error,
        "note": page.note,
        "actions": [action_json(action) for action in page.actions.all()],
    }


def action_json(action: Action) -> dict[str, Any]:
    """An action of a page."""
    item = action.item
    lines = [
        {
            "text": line.text, "claim": line.claim, "verdict": line.verdict, "flag": line.flag, "quote": line.quote,
            "url": line.source_url(),
        }
        for line in action.lines.all()
    ]  # fmt: skip
    asked = item and {
        "id": str(item.uuid), "kind": item.kind, "prompt": item.prompt, "options": item.options, "answer": item.answer,
        "skill": item.skill.name, "quote": item.quote,
    }  # fmt: skip
    return {"kind": action.kind, "lines": lines, "item": asked, "region": action.region or None}
