"""The page on which a course's material comes in, is watched while it is read, and is looked after."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_GET, require_POST

from courses import access
from courses.forms import MaterialForm, share_visibility
from courses.models import Course, Material, place
from courses.readers.parts import UnreadableFile
from courses.removal import remove, versions
from courses.uploads import AlreadyThere, UploadRefused, receive
from tutor.accounts.audit import note
from tutor.accounts.models import User
from tutor.jobs import State
from tutor.llm.models import Endpoint

STAGES = (("read", "Read"), ("split", "Split"), ("embed", "Embed"), ("index", "Index"))


def listed(course: Course) -> list[Material]:
    """The course's materials as its staff see them: versions in use, and new ones on their way."""
    rows = (
        course.materials.current()
        .annotate(passage_count=Count("passages"))
        .select_related("course", "replaces")
    )
    return list(rows.order_by("position", "-version", "created"))


def stages(material: Material) -> list[dict[str, str]]:
    """The job's stages, each with its state for the page: done, current, todo or failed."""
    names = [name for name, _ in STAGES]
    at = (
        names.index(material.stage)
        if material.stage in names
        else (0 if material.state == State.RUNNING else -1)
    )
    current = "failed" if material.state in (State.FAILED, State.STOPPED) else "current"
    return [
        {"label": label, "state": "done" if number < at else current if number == at else "todo"}
        for number, (_, label) in enumerate(STAGES)
    ]


def time_left(seconds: int | None) -> str:
    """A remaining time in words that do not pretend to be exact."""
    if seconds is None:
        return ""
    if seconds < 10:
        return "a few seconds left"
    if seconds < 90:
        return f"about {round(seconds, -1)} s left"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min left"
    return f"about {seconds / 3600:.1f} h left"


def read_so_far(material: Material) -> str:
    """Up to where an unfinished material can be searched already, in words."""
    last = material.passages.order_by("-ordinal").first() if material.state == State.RUNNING else None
    if last is None:
        return ""
    anchor = dict(last.anchor)
    if "end_ms" in anchor:
        anchor["start_ms"] = anchor["end_ms"]
    return f"searchable up to {place(anchor, last.heading_path)}".removesuffix(" up to ")


def as_json(material: Material) -> dict[str, Any]:
    """A row for the page's poll."""
    return {
        "uuid": str(material.uuid),
        "state": material.state,
        "stages": stages(material),
        "progress": round(material.progress, 4),
        "time_left": time_left(material.eta_seconds) if material.state == State.RUNNING else "",
        "so_far": read_so_far(material),
    }


@require_GET
def materials(request: HttpRequest, slug: str) -> HttpResponse:
    """All material of the course, in its order."""
    course = access.course_taught(request, slug)
    rows = listed(course)
    figures = sum(_undescribed(row) for row in rows)
    return render(
        request,
        "courses/materials.html",
        {
            "materials": rows,
            "running": any(row.state in (State.QUEUED, State.RUNNING) for row in rows),
            "undescribed_figures": figures,
            "upload_limit": settings.UPLOAD_MAX_BYTES,
            "vision": Endpoint.objects.seeing() is not None,
            "section": "materials",
        },
    )


def _undescribed(material: Material) -> int:
    figures, described = material.meta.get("figures", 0), material.meta.get("figures_described", 0)
    return max(0, figures - described) if isinstance(figures, int) and isinstance(described, int) else 0


@require_GET
def status(request: HttpRequest, slug: str) -> JsonResponse:
    """How far every unfinished material is, and the state of the rest: one request for the whole page."""
    course = access.course_taught(request, slug)
    rows = list(course.materials.current())
    busy = [row for row in rows if row.state in (State.QUEUED, State.RUNNING)]
    return JsonResponse(
        {
            "rows": [as_json(row) for row in busy],
            "settled": {str(row.uuid): row.state for row in rows if row not in busy},
        }
    )


@require_GET
def row(request: HttpRequest, slug: str, material: uuid.UUID) -> HttpResponse:
    """One row of the list as HTML, for the page to put in when a material's state has changed."""
    course = access.course_taught(request, slug)
    found = [item for item in listed(course) if item.uuid == material]
    return (
        render(request, "courses/material_row.html", {"material": found[0]})
        if found
        else HttpResponse(status=204)
    )


@require_POST
def upload(request: HttpRequest, slug: str) -> HttpResponse:
    """Take in files: one by one as the page's script sends them (JSON answer), or many from the plain form."""
    course = access.course_taught(request, slug)
    files = request.FILES.getlist("files")
    answers = [take(request, course, file) for file in files]
    if wants_json(request):
        if len(answers) != 1:
            return JsonResponse({"error": "No file arrived. Choose one and upload it again."}, status=400)
        return JsonResponse(answers[0], status=200 if "uuid" in answers[0] else 422)
    report(request, answers)
    return redirect("courses:materials", course.slug)


@require_POST
def replace(request: HttpRequest, slug: str, material: uuid.UUID) -> HttpResponse:
    """Take in a new version of a material. The old one stays in use until the new one has been read."""
    old = access.material_taught(request, slug, material)
    files = request.FILES.getlist("files")[:1]
    answers = [take(request, old.course, file, replaces=old) for file in files]
    report(request, answers)
    return redirect("courses:materials", slug)


def take(
    request: HttpRequest, course: Course, file: UploadedFile[bytes], *, replaces: Material | None = None
) -> dict[str, Any]:
    """One file in; what came of it: {"uuid", "title"} or {"error", "file"}."""
    user = request.user if isinstance(request.user, User) else None
    try:
        material = receive(
            course,
            user,
            file,
            replaces=replaces,
            hidden="hidden" in request.POST,
            answer_key="answer_key" in request.POST,
        )
    except AlreadyThere as refusal:
        return {"error": str(refusal), "file": file.name, "same": str(refusal.material.uuid)}
    except (UploadRefused, UnreadableFile) as refusal:
        return {"error": str(refusal), "file": file.name}
    action = "material.replaced" if replaces else "material.uploaded"
    note(request, action, material.title, course_id=course.pk, file=material.filename, sha256=material.sha256)
    return {"uuid": str(material.uuid), "title": material.title}


def report(request: HttpRequest, answers: Iterable[dict[str, Any]]) -> None:
    """Tell on the next page what became of the files of a plain form."""
    answers = list(answers)
    taken = sum("uuid" in answer for answer in answers)
    if taken:
        messages.success(request, f"{taken} file{'s' if taken > 1 else ''} uploaded. Reading starts now.")
    for answer in answers:
        if "error" in answer:
            messages.error(request, answer["error"])
    if not answers:
        messages.error(request, "Choose a file first.")


def wants_json(request: HttpRequest) -> bool:
    """True for the page's own scripts, which ask for JSON."""
    return "application/json" in request.headers.get("Accept", "")


def edit(request: HttpRequest, slug: str, material: uuid.UUID) -> HttpResponse:
    """Title, release date and who may see it; the history of its versions."""
    found = access.material_taught(request, slug, material)
    form = MaterialForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        form.save()
        note(request, "material.changed", found.title, course_id=found.course_id, fields=form.changed_data)
        messages.success(request, f"“{found.title}” saved.")
        return redirect("courses:materials", slug)
    return render(
        request,
        "courses/material_edit.html",
        {
            "material": found,
            "form": form,
            "versions": versions(found),
            "time_zone": settings.TIME_ZONE,
            "section": "materials",
        },
    )


@require_POST
def act(request: HttpRequest, slug: str, material: uuid.UUID) -> HttpResponse:
    """One act on a material, named by the button that was pressed."""
    found = access.material_taught(request, slug, material)
    action = request.POST.get("action", "")
    if action not in ACTIONS:
        messages.error(request, "That button is not known any more. Reload the page.")
    else:
        said = ACTIONS[action](found)
        note(request, f"material.{action}", found.title, course_id=found.course_id)
        if said:
            messages.success(request, said)
    if wants_json(request):
        return JsonResponse({"done": action in ACTIONS})
    return redirect(f"{reverse('courses:materials', args=[slug])}#m-{found.uuid}")


def _set(field: str, value: bool, said: str) -> Any:
    def change(material: Material) -> str:
        setattr(material, field, value)
        material.save(update_fields=[field])
        share_visibility(material)
        return format_html("“{}” {}", material.title, said)

    return change


def retry(material: Material) -> str:
    """Read a failed or stopped material again from the beginning."""
    if material.state in (State.FAILED, State.STOPPED):
        Material.objects.filter(pk=material.pk).update(attempts=0)
        material.queue()
    return ""


def stop(material: Material) -> str:
    """End a material's reading. What was read so far is kept until it is retried or deleted."""
    Material.objects.filter(pk=material.pk, state__in=(State.QUEUED, State.RUNNING)).update(
        state=State.STOPPED, eta_seconds=None, error="Stopped. Retry reads the file again from the beginning."
    )
    return ""


def delete(material: Material) -> str:
    """Delete a material with its older versions, passages, vectors and files."""
    gone = remove(material)
    return f"“{material.title}” is deleted" + (
        f", with {gone - 1} older version{'s' * (gone > 2)}." if gone > 1 else "."
    )


def move(step: int) -> Any:
    """An act that moves a material up (-1) or down (1) in the list."""

    def moved(material: Material) -> str:
        with transaction.atomic():
            rows = list(
                material.course.materials.current()
                .select_for_update()
                .order_by("position", "-version", "created")
            )
            at = next((number for number, row in enumerate(rows) if row.pk == material.pk), None)
            if at is None or not 0 <= at + step < len(rows):
                return ""
            rows[at], rows[at + step] = rows[at + step], rows[at]
            for number, row in enumerate(rows, 1):
                row.position = number
            Material.objects.bulk_update(rows, ["position"])
        return ""

    return moved


ACTIONS = {
    "retry": retry,
    "stop": stop,
    "delete": delete,
    "up": move(-1),
    "down": move(1),
    "hide": _set("hidden", True, "is hidden from students."),
    "show": _set("hidden", False, "can be seen by students again."),
    "mark_key": _set("answer_key", True, "is an answer key now and never reaches students."),
    "unmark_key": _set("answer_key", False, "is no answer key any more."),
}
