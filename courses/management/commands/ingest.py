"""`manage.py ingest COURSE PATH…`: read files into a course, here and now."""

from __future__ import annotations

import hashlib
import json
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Max

from courses.ingestion import ingest
from courses.models import Course, Material, Proposition
from courses.propositions_by_model import rewrite_material
from courses.readers import is_lecture, kind_of
from courses.readers.parts import UnreadableFile
from courses.storing import embed_propositions
from courses.uploads import title_of
from tutor.jobs import State


class Command(BaseCommand):
    """Read files, and folders of them, into a course."""

    help = "Read files, and folders of them, into a course. Exits with 1 if any of them failed."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "course", metavar="COURSE", help="the course's short name, as in its address, or its title"
        )
        parser.add_argument(
            "paths", metavar="PATH", nargs="+", type=Path, help="files, or folders that are walked"
        )
        parser.add_argument(
            "--create", action="store_true", help="create the course if there is none of that name"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object a material")

    def handle(self, *args: Any, **options: Any) -> None:
        course = find_course(options["course"], create=options["create"])
        missing = [str(path) for path in options["paths"] if not path.exists()]
        if missing:
            raise CommandError(f"There is no {', '.join(missing)}.")
        failed, read = False, set[str | None]()
        for path, name in (found for given in options["paths"] for found in self._files(given)):
            row = self._ingest(course, path, name)
            failed = failed or row["state"] != State.DONE
            read.add(row["material"])
            if options["json"]:
                self.stdout.write(json.dumps(row, ensure_ascii=False))
            else:
                said = row["error"] or f"{row['passages']} passages, {row['propositions']} propositions"
                self.stdout.write(f"{row['state']:7} {row['seconds']:7.2f} s  {row['file']}: {said}")
        for material in course.materials.filter(
            uuid__in=[uuid for uuid in read if uuid], state=State.DONE, refined=False
        ):
            rewrite_material(material)
            embed_propositions(material)
        if failed:
            raise CommandError("Not every file could be read; the lines above say why.")

    def _files(self, path: Path) -> Iterator[tuple[Path, str]]:
        """The files to read and what to call them. In folders, what is hidden or no lecture is passed over."""
        if path.is_file():
            yield path, _name(path, path.parent)
            return
        for found in sorted(path.rglob("*")):
            within = found.relative_to(path)
            if any(part.startswith((".", "__")) for part in within.parts) or not found.is_file():
                continue
            if is_lecture(found):
                yield found, _name(found, path)
            else:
                self.stderr.write(f"Passed over, as no kind of file that is read: {within}")

    def _ingest(self, course: Course, path: Path, name: str) -> dict[str, Any]:
        started = time.perf_counter()
        material, error = None, ""
        try:
            material = _material(course, path, name)
            if material.state != State.DONE:
                ingest(material)
                material.refresh_from_db()
            error = material.error
        except (UnreadableFile, OSError) as refused:
            error = str(refused)
        return {
            "material": str(material.uuid) if material else None,
            "file": name,
            "state": material.state if material else State.FAILED,
            "passages": material.passages.count() if material else 0,
            "propositions": Proposition.objects.filter(passage__material=material).count() if material else 0,
            "seconds": round(time.perf_counter() - started, 3),
            "error": error or None,
        }


def find_course(name: str, *, create: bool = False) -> Course:
    """The course of that short name, else of that title, else made if `create` says so. Raises CommandError."""
    course = Course.objects.filter(slug=name).first() or Course.objects.filter(title=name).first()
    if course is None and create:
        if not 0 < len(name.strip()) <= 150:
            raise CommandError("A course's name has between 1 and 150 characters.")
        course = Course.objects.create(title=name, slug=name if _is_slug(name) else "")
    if course is None:
        known = ", ".join(Course.objects.order_by("slug").values_list("slug", flat=True)[:20])
        raise CommandError(
            f"No course is called {name}. There are: {known or 'none'}. `manage.py ingest --create` makes one."
        )
    return course


def _is_slug(name: str) -> bool:
    return name.replace("-", "").replace("_", "").isalnum() and name.isascii() and len(name) <= 80


def _name(path: Path, root: Path) -> str:
    """The file's name; with its folder where the folder is what tells it from others (m00001/index.cnxml)."""
    within = path.relative_to(root)
    if path.stem.lower() in ("index", "main", "readme") and len(within.parts) == 1:
        return f"{path.parent.resolve().name}/{path.name}"
    return within.as_posix()


def _material(course: Course, path: Path, name: str) -> Material:
    """The material for a file: the one that holds the very same file, or a new one."""
    kind = kind_of(path, name)
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    known = Material.objects.current().filter(course=course, sha256=digest).first()
    if known is not None:
        if known.state in (State.FAILED, State.STOPPED):
            Material.objects.filter(pk=known.pk).update(state=State.QUEUED, error="")
            known.refresh_from_db()
        return known
    last: int | None = course.materials.aggregate(last=Max("position"))["last"]
    material = Material(
        course=course,
        title=title_of(name)[:200],
        filename=name[-255:],
        kind=kind,
        size=path.stat().st_size,
        sha256=digest,
        position=(last or 0) + 1,
    )
    with path.open("rb") as handle:
        material.file.save(path.name, File(handle), save=False)
    material.save()
    return material
