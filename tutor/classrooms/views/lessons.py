"""Lessons as those who teach see them: the list, making one, its progress, its script, the review, what went stale."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.text import Truncator
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses import access
from courses.models import Course, Extract, Material
from tutor.accounts.audit import note
from tutor.chat.views import BadBody, body_of, person, refuse
from tutor.classrooms import additions, editing, planning, publishing, review, staleness
from tutor.classrooms.models import Action, Lesson, LessonPage, Line
from tutor.jobs import State
from tutor.practice.models import Item

Body = dict[str, Any]
STAGES = {"": "Waiting", "write": "Writing", "verify": "Checking each sentence", "describe": "Describing"}


def taught(request: HttpRequest, slug: str, lesson: uuid.UUID) -> Lesson:
    """The lesson, for those who teach its course."""
    course = access.course_taught(request, slug)
    return get_object_or_404(course.lessons.select_related("course", "replaces"), uuid=lesson)


@require_GET
def lessons(request: HttpRequest, slug: str) -> HttpResponse:
    """All lessons of the course: drafts and published ones, and those that went stale."""
    course = access.course_taught(request, slug)
    line = "pages__actions__lines"
    rows = (
        course.lessons.annotate(
            page_count=Count("pages", distinct=True),
            written=Count("pages", filter=Q(pages__state=State.DONE), distinct=True),
            failed=Count("pages", filter=Q(pages__state=State.FAILED), distinct=True),
            flags=Count(line, filter=Q(**{f"{line}__flag": Line.Flag.OPEN}), distinct=True),
        )
        .select_related("course", "published_by")
        .order_by("-pk")
    )
    stale = set(staleness.stale_lessons(course).values_list("pk", flat=True))
    listed = list(rows)
    for row in listed:
        row.stale = row.pk in stale  # type: ignore[attr-defined]
    context = {
        "lessons": [row for row in listed if row.status != Lesson.Status.RETIRED],
        "retired": [row for row in listed if row.status == Lesson.Status.RETIRED],
        "materials": course.materials.current().filter(state=State.DONE, answer_key=False).exists(),
        "section": "lessons",
    }
    return render(request, "classrooms/lessons.html", context)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """Choose materials and their order; the pages are planned at once and written one by one."""
    course = access.course_taught(request, slug)
    offered = list(
        course.materials.current().filter(origin=Material.Origin.UPLOAD).order_by("position", "created")
    )
    error = ""
    chosen = request.POST.getlist("material") if request.method == "POST" else request.GET.getlist("material")
    if request.method == "POST":
        by_uuid = {str(row.uuid): row for row in offered}
        try:
            lesson = planning.plan(
                course,
                [by_uuid[one] for one in chosen if one in by_uuid],
                request.POST.get("title", ""),
                person(request),
            )
        except planning.CannotTeach as reason:
            error = str(reason)
        else:
            note(request, "lesson.planned", lesson.title, course_id=course.pk, pages=lesson.pages.count())
            return redirect(lesson)
    context = {
        "materials": sorted(offered, key=lambda row: chosen.index(str(row.uuid)) if str(row.uuid) in chosen else len(chosen)),
        "chosen": chosen, "title": request.POST.get("title", ""), "error": error, "section": "lessons",
    }  # fmt: skip
    return render(request, "classrooms/lesson_new.html", context, status=422 if error else 200)


@require_GET
def lesson(request: HttpRequest, slug: str, lesson: uuid.UUID) -> HttpResponse:
    """The lesson page by page: progress, sections, script, citations, flags, and what went stale."""
    found = taught(request, slug, lesson)
    pages = dressed(_pages(found))
    first = next((page for page in pages if page.material), None)
    context = {
        "lesson": found,
        "pages": pages,
        "tree": tree(pages),
        "summary": summary(found),
        "stale": staleness.stale_pages(found) if found.status != Lesson.Status.RETIRED else [],
        "additions": additions.additions(found) if found.status != Lesson.Status.RETIRED else [],
        "draft": Lesson.objects.filter(replaces=found, status=Lesson.Status.DRAFT).first(),
        "source": first.source_url() if first else "",
        "section": "lessons",
    }
    return render(request, "classrooms/lesson.html", context)


def _pages(lesson: Lesson) -> Any:
    lines = (
        "actions__lines__passage__material__course",
        "actions__lines__settled_by",
        "actions__item__skill",
    )
    return lesson.pages.select_related("material__course", "lesson__course").prefetch_related(*lines)


def dressed(pages: Iterable[LessonPage]) -> list[LessonPage]:
    """The pages, each pointing action with the words that it points at and the link that shows them."""
    found = list(pages)
    texts = dict(
        Extract.objects.filter(
            material__in={page.material_id for page in found if page.material_id}
        ).values_list("material_id", "text")
    )
    for page in found:
        for action in page.actions.all():
            start, end = action.region.get("start"), action.region.get("end")
            if page.material is not None and start is not None:
                words = " ".join(texts.get(page.material.pk, "")[start:end].split())
                action.words = Truncator(words).chars(90)  # type: ignore[attr-defined]
                action.url = page.material.source_url(start=start, end=end)  # type: ignore[attr-defined]
    return found


def tree(pages: list[LessonPage]) -> list[dict[str, Any]]:
    """The pages by section, in order: [{"title", "path", "pages"}]."""
    found: list[dict[str, Any]] = []
    for page in pages:
        if not found or found[-1]["path"] != page.section:
            found.append(
                {"path": page.section, "title": page.section[-1] if page.section else "Pages", "pages": []}
            )
        found[-1]["pages"].append(page)
    return found


def summary(lesson: Lesson) -> dict[str, Any]:
    """Where a lesson stands, for its head and for the page's poll."""
    states = list(lesson.pages.values_list("state", flat=True))
    busy = sum(state in (State.QUEUED, State.RUNNING) for state in states)
    lines = Line.objects.filter(action__page__lesson=lesson)
    return {
        "pages": len(states),
        "written": sum(state == State.DONE for state in states),
        "left": sum(state in (State.STOPPED, State.FAILED) for state in states),
        "busy": bool(busy),
        "sentences": lines.count(),
        "flags": lines.filter(flag=Line.Flag.OPEN).count(),
        "accepted": lines.filter(flag=Line.Flag.ACCEPTED).count(),
        "missing": publishing.missing(lesson),
    }


@require_GET
def status(request: HttpRequest, slug: str, lesson: uuid.UUID) -> JsonResponse:
    """How far each page is, for the page's poll."""
    found = taught(request, slug, lesson)
    rows = found.pages.values("pk", "state", "stage", "progress", "attempts", "error")
    pages = {row["pk"]: {**row, "doing": STAGES.get(row["stage"], "")} for row in rows}
    return JsonResponse({"pages": pages, "summary": summary(found)})


@require_GET
def page(request: HttpRequest, slug: str, lesson: uuid.UUID, page: int) -> HttpResponse:
    """One page of the script as HTML, for the page to put in when its state has changed."""
    return HttpResponse(_html(request, _page(taught(request, slug, lesson), page)))


def _page(lesson: Lesson, page: int) -> LessonPage:
    found: LessonPage = get_object_or_404(_pages(lesson), pk=page)
    return found


def _html(request: HttpRequest, page: LessonPage) -> str:
    context = {"page": dressed([page])[0], "lesson": page.lesson}
    return render_to_string("classrooms/lesson_page.html", context, request)


@require_GET
def material(request: HttpRequest, slug: str, lesson: uuid.UUID, page: int) -> JsonResponse:
    """What can be chosen for a page: its text to point at, and items to ask."""
    found = _page(taught(request, slug, lesson), page)
    extract = Extract.objects.filter(material=found.material).first()
    items = [
        {"id": item.pk, "prompt": item.prompt, "skill": item.skill.name, "answer": item.answer}
        for item in editing.items_for(found)
    ]
    text = extract.text[found.start : found.end] if extract else ""
    return JsonResponse({"text": text, "start": found.start, "items": items})


@require_POST
def change(request: HttpRequest, slug: str, lesson: uuid.UUID, page: int) -> JsonResponse:
    """One change to a page of the script, as the page's script sends it; answers with the page as it is then."""
    found = _page(taught(request, slug, lesson), page)
    try:
        body = body_of(request)
        act = CHANGES.get(str(body.get("do")))
        if act is None:
            raise BadBody
        if body["do"] in JOBS:
            act(found, body, request)
        else:
            with editing.editing(found):
                act(found, body, request)
    except BadBody:
        return refuse("That could not be read. Reload the page.")
    except (editing.EditRefused, planning.CannotTeach) as error:
        return refuse(str(error), 409)
    there = _pages(found.lesson).filter(pk=page).first()
    html = _html(request, there) if there else ""
    return JsonResponse({"html": html, "summary": summary(found.lesson), "reload": body["do"] in MOVES})


def _line(page: LessonPage, body: Body, name: str = "line") -> Line:
    rows = Line.objects.select_related("action__page__lesson__course")
    return get_object_or_404(rows, pk=_number(body, name), action__page=page)


def _action(page: LessonPage, body: Body, name: str = "action") -> Action:
    return get_object_or_404(page.actions.select_related("page__lesson"), pk=_number(body, name))


def _number(body: Body, name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadBody
    return value


def _text(body: Body, name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise BadBody
    return value.replace("\0", "")


def _write(page: LessonPage, body: Body, request: HttpRequest) -> None:
    editing.write_line(_line(page, body), _text(body, "text"))


def _add_line(page: LessonPage, body: Body, request: HttpRequest) -> None:
    after = _line(page, body, "after") if body.get("after") else None
    editing.add_line(_action(page, body), _text(body, "text"), after)


def _accept(page: LessonPage, body: Body, request: HttpRequest) -> None:
    line = _line(page, body)
    review.accept(line, person(request))
    note(
        request,
        "lesson.line_accepted",
        line.text[:120],
        course_id=page.lesson.course_id,
        lesson=str(page.lesson.uuid),
    )


def _add_action(page: LessonPage, body: Body, request: HttpRequest) -> None:
    after = _action(page, body, "after") if body.get("after") else None
    item = Item.objects.filter(pk=body["item"]).first() if isinstance(body.get("item"), int) else None
    region = {name: body[name] for name in ("start", "end") if name in body}
    editing.add_action(page, _text(body, "kind"), after, text=_text(body, "text"), item=item, **region)


def _swap(page: LessonPage, body: Body, request: HttpRequest) -> None:
    editing.swap(_action(page, body), Item.objects.filter(pk=_number(body, "item")).first())


def _describe(page: LessonPage, body: Body, request: HttpRequest) -> None:
    editing.describe(page, _text(body, "title"), _text(body, "description"), _text(body, "section"))


def _redo(page: LessonPage, body: Body, request: HttpRequest) -> None:
    if not page.lesson.editable:
        raise editing.EditRefused("This version is frozen. Make a new version to change it.")
    if page.state in (State.QUEUED, State.RUNNING):
        raise editing.EditRefused("This page is being written already.")
    planning.redo(page)


def _move(step: int, which: Callable[[LessonPage, Body], Action | Line | LessonPage]) -> Any:
    return lambda page, body, request: editing.move(which(page, body), step)


JOBS = {"page.redo"}
MOVES = {"page.up", "page.down", "page.remove"}
CHANGES: dict[str, Callable[[LessonPage, Body, HttpRequest], None]] = {
    "line.write": _write,
    "line.add": _add_line,
    "line.drop": lambda page, body, request: editing.drop_line(_line(page, body)),
    "line.accept": _accept,
    "line.up": _move(-1, _line),
    "line.down": _move(1, _line),
    "action.add": _add_action,
    "action.remove": lambda page, body, request: editing.remove_action(_action(page, body)),
    "action.up": _move(-1, _action),
    "action.down": _move(1, _action),
    "action.point": lambda page, body, request: editing.point(
        _action(page, body), body.get("start"), body.get("end")
    ),
    "action.swap": _swap,
    "page.describe": _describe,
    "page.redo": _redo,
    "page.up": _move(-1, lambda page, body: page),
    "page.down": _move(1, lambda page, body: page),
    "page.remove": lambda page, body, request: editing.remove_page(page),
}


@require_POST
def act(request: HttpRequest, slug: str, lesson: uuid.UUID) -> HttpResponse:
    """One act on the whole lesson, named by the button that was pressed."""
    found = taught(request, slug, lesson)
    action = request.POST.get("action", "")
    if action not in ACTS:
        messages.error(request, "That button is not known any more. Reload the page.")
        return redirect(found)
    try:
        target, said = ACTS[action](found, request)
    except (publishing.NotReady, planning.CannotTeach, editing.EditRefused) as error:
        messages.error(request, str(error))
        return redirect(found)
    note(request, f"lesson.{action}", found.title, course_id=found.course_id, lesson=str(found.uuid))
    if said:
        messages.success(request, said)
    return redirect(target if isinstance(target, Lesson) else reverse("classrooms:lessons", args=[slug]))


Done = tuple[Lesson | Course, str]


def _stop(lesson: Lesson, request: HttpRequest) -> Done:
    planning.stop(lesson)
    return lesson, "No further page is written. What is there stays."


def _resume(lesson: Lesson, request: HttpRequest) -> Done:
    if not lesson.editable:
        raise editing.EditRefused("This version is frozen. Make a new version to change it.")
    planning.resume(lesson)
    return lesson, ""


def _publish(lesson: Lesson, request: HttpRequest) -> Done:
    publishing.publish(lesson, person(request))
    return lesson, f"“{lesson.title}” is published. Students can sit in it from now on."


def _retire(lesson: Lesson, request: HttpRequest) -> Done:
    publishing.retire(lesson)
    return lesson, f"“{lesson.title}” is retired. Nobody can begin a classroom with it any more."


def _version(lesson: Lesson, request: HttpRequest) -> Done:
    draft = publishing.next_version(lesson, person(request))
    return (
        draft,
        f"This is version {draft.version}, a draft. Version {lesson.version} stays in use until you publish it.",
    )


def _rename(lesson: Lesson, request: HttpRequest) -> Done:
    title = " ".join(request.POST.get("title", "").split())[:200]
    if not title or not lesson.editable:
        raise editing.EditRefused("A draft needs a title, and a published version keeps its own.")
    Lesson.objects.filter(pk=lesson.pk).update(title=title)
    return lesson, ""


def _delete(lesson: Lesson, request: HttpRequest) -> Done:
    if lesson.classrooms.exists() or not lesson.editable:
        raise editing.EditRefused("Classrooms rest on this lesson. Retire it instead.")
    lesson.delete()
    return lesson.course, f"“{lesson.title}” is deleted."


def _renew(lesson: Lesson, request: HttpRequest) -> Done:
    """Write one stale page (`page`) or all of them anew from the material as it is now."""
    wanted = request.POST.get("page", "")
    if wanted.isdigit():
        page = get_object_or_404(lesson.pages.select_related("material", "lesson__course"), pk=int(wanted))
        return staleness.renew(page, person(request)).lesson, f"“{page.title}” is being written anew."
    draft, refused = staleness.renew_all(lesson, person(request))
    for words in refused:
        messages.error(request, words)
    return (
        draft,
        ""
        if draft == lesson and refused
        else "The pages are being written anew from the material as it is now.",
    )


def _add(lesson: Lesson, request: HttpRequest) -> Done:
    """Write a page that only the new version of a material has."""
    material, start = request.POST.get("material", ""), request.POST.get("start", "")
    if not (material.isdigit() and start.isdigit()):
        raise planning.CannotTeach("Choose a page to add.")
    page = additions.add(lesson, int(material), int(start), person(request))
    return page.lesson, f"“{page.title}” is being written, as page {page.ordinal}."


ACTS: dict[str, Callable[[Lesson, HttpRequest], Done]] = {
    "stop": _stop,
    "resume": _resume,
    "publish": _publish,
    "retire": _retire,
    "version": _version,
    "rename": _rename,
    "delete": _delete,
    "renew": _renew,
    "add": _add,
}
