"""What a student sees of classrooms: the lobby, a classroom, and the notes they take away."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses import access
from courses.models import Course
from tutor.accounts.models import User
from tutor.chat.asking import MAX_QUESTION
from tutor.chat.views import person
from tutor.classrooms import cast, director, rooms, script
from tutor.classrooms.acts import who
from tutor.classrooms.models import (
    Action,
    Agent,
    Classroom,
    Function,
    Lesson,
    Line,
    Note,
    Question,
    Seat,
)
from tutor.classrooms.presence import AWAY
from tutor.classrooms.speech import BREATH
from tutor.practice.models import Skill

QUIZ_MINUTES = 0.75
TALK = {"0.2": "Little", "0.5": "As it helps", "0.7": "Much"}  # the largest share of what is said
FUNCTIONS = {
    Function.TEACHING: "Teacher",
    Function.ASSISTING: "Assistant",
    Function.DEPTH: "Deep thinker",
    Function.CURIOSITY: "Curious classmate",
    Function.LEVITY: "Light-hearted classmate",
    Function.NOTES: "Note taker",
}


def minutes(lines: Iterable[str], quizzes: int) -> int:
    """About how long a lesson takes at pace 1."""
    words = sum(len(line.split()) + BREATH for line in lines)
    return max(1, round(words / settings.WORDS_A_MINUTE + quizzes * QUIZ_MINUTES))


@require_GET
def lobby(request: HttpRequest, slug: str) -> HttpResponse:
    """The lessons of the course to sit in, and the classrooms to come back to or to join."""
    course = access.course_for(request, slug)
    user = person(request)
    trying = access.as_student(request, course)
    lessons = Lesson.objects.readable_by(user, course, as_student=trying).published()
    found = (
        Classroom.objects.open_to(user, course)
        .select_related("lesson", "page", "created_by")
        .prefetch_related(Prefetch("seats", Seat.objects.select_related("user").order_by("joined")))
    )
    mine = found.filter(seats__user=user)
    running = found.exclude(state=Classroom.State.ENDED)
    context = {
        "lessons": [card(lesson) for lesson in lessons],
        "classmates": [described(agent) for agent in cast.of(course) if agent.function in director.CLASSMATES]
        if lessons
        else [],
        "talk": TALK,
        "mine": [with_people(room) for room in running.filter(pk__in=mine.values("pk"))],
        "shared": [
            with_people(room) for room in running.filter(shared=True).exclude(pk__in=mine.values("pk"))
        ],
        "over": mine.filter(state=Classroom.State.ENDED).order_by("-ended")[:10],
    }
    return render(request, "classrooms/classrooms.html", context)


def card(lesson: Lesson) -> dict[str, Any]:
    """What a lesson's card says."""
    pages = script.pages_of(lesson)
    lines = Line.objects.filter(action__page__in=pages).values_list("text", flat=True)
    quizzes = Action.objects.filter(page__in=pages, kind=Action.Kind.QUIZ).count()
    skills = Skill.objects.filter(lesson_pages__in=pages).distinct().values_list("name", flat=True)
    return {
        "lesson": lesson,
        "pages": pages.count(),
        "minutes": minutes(lines, quizzes),
        "quizzes": quizzes,
        "skills": list(skills[:5]),
        "more_skills": max(0, skills.count() - 5),
    }


def with_people(room: Classroom) -> Classroom:
    """The classroom with `here`: who has it open now, `place`: the page it is at, and `page_count`."""
    since = timezone.now() - AWAY
    room.here = [seat.user.get_full_name() for seat in room.seats.all() if seat.seen and seat.seen > since]  # type: ignore[attr-defined]
    room.place = script.position(room.page) if room.page else 0  # type: ignore[attr-defined]
    room.page_count = script.pages_of(room.lesson).count()  # type: ignore[attr-defined]
    return room


@require_POST
def open_room(request: HttpRequest, slug: str) -> HttpResponse:
    """Open a classroom on a lesson, for oneself or to be shared."""
    course = access.course_for(request, slug)
    user = person(request)
    lessons = Lesson.objects.readable_by(user, course)
    chosen = {int(key) for key in request.POST.getlist("classmate") if key.isdecimal()}
    share = request.POST.get("talk", "")
    try:
        lesson = get_object_or_404(lessons, uuid=request.POST.get("lesson", ""))
        room = rooms.open(
            lesson,
            user,
            shared=request.POST.get("shared") == "1",
            mode=request.POST.get("mode", Classroom.Mode.CONTINUOUS),
            classmates=chosen if "choosing" in request.POST else None,
            talkativeness=float(share) if share in TALK else rooms.TALK,
        )
    except ValidationError:  # no UUID
        raise Http404 from None
    except rooms.Refused as error:
        messages.error(request, str(error))
        return redirect("classrooms:lobby", course.slug)
    return redirect(room)


@require_POST
def join(request: HttpRequest, slug: str, classroom: uuid.UUID) -> HttpResponse:
    """Take a seat in a classroom that is shared."""
    course = access.course_for(request, slug)
    user = person(request)
    room = get_object_or_404(
        Classroom.objects.open_to(user, course).select_related("course", "conversation"), uuid=classroom
    )
    try:
        rooms.join(room, user)
    except rooms.Refused as error:
        messages.error(request, str(error))
        return redirect("classrooms:lobby", course.slug)
    return redirect(room)


@require_GET
def classroom(request: HttpRequest, slug: str, classroom: uuid.UUID) -> HttpResponse:
    """A classroom; for somebody who has no seat in it yet, the door."""
    course = access.course_for(request, slug)
    user = person(request)
    rows = Classroom.objects.open_to(user, course).select_related(
        "lesson", "conversation", "page", "created_by", "course"
    )
    room = get_object_or_404(rows, uuid=classroom)
    if not room.seats.filter(user=user).exists():
        return render(request, "classrooms/classroom_door.html", {"room": with_people(room)})
    rooms.join(room, user)  # who has left is let in again before the page opens its socket
    agents = [described(agent) for agent in room.agents.all()]
    context = {
        "room": room,
        "agents": agents,
        "page_count": script.pages_of(room.lesson).count(),
        "page": page_data(room, user, agents),
    }
    return render(request, "classrooms/classroom.html", context)


def described(agent: Agent) -> dict[str, Any]:
    """An agent as a student is told of it."""
    return {
        "id": agent.pk,
        "name": agent.name,
        "function": agent.function,
        "role": FUNCTIONS[Function(agent.function)],
        "character": agent.character,
    }


def page_data(room: Classroom, user: User, agents: list[dict[str, Any]]) -> dict[str, Any]:
    """What the page's script has to know; everything that happened comes by the stream."""
    here = [room.course.slug, room.uuid]
    seats = room.seats.select_related("user").order_by("joined")
    since = timezone.now() - AWAY
    acts = room.acts.select_related("turn", "agent", "user", "page")
    written = room.notes.select_related("page").annotate(is_kept=Count("kept_by", filter=Q(kept_by=user)))
    return {
        "classroom": {
            "id": str(room.uuid),
            "title": room.lesson.title,
            "state": room.state,
            "mode": room.mode,
            "pace": room.pace,
            "talk": room.talkativeness,
            "shared": room.shared,
        },
        "me": {"id": user.pk, "name": user.get_full_name()},
        "agents": agents,
        "functions": {function.value: role for function, role in FUNCTIONS.items()},
        "people": [
            {
                "id": seat.user_id,
                "name": seat.user.get_full_name(),
                "hand": seat.hand is not None,
                "here": bool(seat.seen and seat.seen > since),
            }
            for seat in seats
        ],
        "acts": {
            str(act.turn.uuid): {
                "act": act.kind,
                "who": who(act),
                "page": act.page.ordinal if act.page else None,
            }
            for act in acts
        },
        "notes": [
            {
                "id": note.pk,
                "text": note.text,
                "url": note.url,
                "page": note.page.ordinal if note.page else None,
                "kept": note.is_kept,
            }
            for note in written
        ],
        "questions": [
            {
                "turn": str(question.act.turn.uuid),
                "state": question.state,
                "answer": question.answer and str(question.answer.turn.uuid),
            }
            for question in Question.objects.filter(classroom=room).select_related(
                "act__turn", "answer__turn"
            )
        ],
        "socket": f"/ws/conversations/{room.conversation.uuid}/",
        "urls": {
            "act": reverse("classrooms:act", args=here),
            "keep": reverse("classrooms:keep", args=[*here, 0]),
            "notes": reverse("classrooms:notes", args=here),
            "lobby": reverse("classrooms:lobby", args=[room.course.slug]),
            "replies": reverse("chat:replies", args=[room.course.slug]),
            "knowledge": reverse("practice:knowledge", args=[room.course.slug]),
        },
        "may_end": room.created_by_id == user.pk,
        "leads": rooms.leads(room, user),
        "talk": TALK,
        "longest": MAX_QUESTION,
    }


@require_http_methods(["POST", "DELETE"])
def keep(request: HttpRequest, slug: str, classroom: uuid.UUID, note: int) -> JsonResponse:
    """Keep a note; DELETE gives it up."""
    course = access.course_for(request, slug)
    user = person(request)
    row = get_object_or_404(Note, pk=note, classroom__in=seated(user, course).filter(uuid=classroom))
    kept = request.method == "POST"
    if kept:
        row.kept_by.add(user)
    else:
        row.kept_by.remove(user)
    return JsonResponse({"kept": kept})


def seated(user: User, course: Course) -> QuerySet[Classroom]:
    """The classrooms of the course in which the user has a seat."""
    return Classroom.objects.open_to(user, course).filter(
        pk__in=Seat.objects.filter(user=user).values("classroom")
    )


@require_GET
def notes(request: HttpRequest, slug: str, classroom: uuid.UUID) -> HttpResponse:
    """The notes that the caller kept as a Markdown file; all of them where none was kept."""
    course = access.course_for(request, slug)
    user = person(request)
    room = get_object_or_404(seated(user, course).select_related("lesson", "course"), uuid=classroom)
    written = room.notes.select_related("page").order_by("page__ordinal", "pk")
    kept = written.filter(kept_by=user)
    response = HttpResponse(
        as_markdown(room, list(kept) or list(written)), content_type="text/markdown; charset=utf-8"
    )
    name = slugify(room.lesson.title)[:60] or "classroom"
    response["Content-Disposition"] = f'attachment; filename="{name}-notes.md"'
    return response


def as_markdown(room: Classroom, written: list[Note]) -> str:
    """Notes under the titles of the pages they belong to, each with a link to its source."""
    lines = [f"# {room.lesson.title}", "", f"Notes from {room.course.title}, {room.created:%d %B %Y}"]
    heading = ""
    for note in written:
        title = str(note.page) if note.page else ""
        if title and title != heading:
            lines += ["", f"## {title}"]
            heading = title
        source = f" ([source]({settings.SITE_URL}{note.url}))" if note.url.startswith("/") else ""
        lines += ["", f"- {' '.join(note.text.split())}{source}"]
    return "\n".join([*lines, ""])
