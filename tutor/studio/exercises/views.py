"""Coding exercises: solving them, for students; writing, verifying and keeping them, for those who teach."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses import access
from courses.models import Passage
from tutor.accounts.models import User
from tutor.jobs import State
from tutor.llm.models import Endpoint
from tutor.studio.exercises import attempting, keeping
from tutor.studio.exercises.forms import ExerciseForm, ImportForm
from tutor.studio.exercises.repairing import may_repair
from tutor.studio.exercises.running import LARGEST
from tutor.studio.models import Exercise, ExerciseAttempt

A_PAGE = 50
WORKING = (State.QUEUED, State.RUNNING)
A_MINUTE = 10  # programs that one person may have run
LARGEST_FILE = 5_000_000


def person(request: HttpRequest) -> User:
    """The caller: nobody comes here who is not signed in."""
    assert isinstance(request.user, User)
    return request.user


# For students --------------------------------------------------------------------------------------------------------


@require_GET
def exercises(request: HttpRequest, slug: str) -> HttpResponse:
    """The exercises that the course keeps, and which of them the caller has solved."""
    course = access.course_for(request, slug)
    mine = ExerciseAttempt.objects.filter(exercise=OuterRef("pk"), user=person(request))
    rows = course.exercises.kept().annotate(tried=Exists(mine), solved=Exists(mine.filter(passed=True)))
    return render(request, "exercises/exercises.html", {"exercises": rows.select_related("skill")})


@require_GET
def exercise(request: HttpRequest, slug: str, exercise: uuid.UUID) -> HttpResponse:
    """One exercise with an editor, and what the caller handed in last."""
    course = access.course_for(request, slug)
    row = get_object_or_404(course.exercises.kept(), uuid=exercise)
    last = row.tries.filter(user=person(request)).last()
    readable = Passage.objects.for_agent(course)
    context = {
        "exercise": row,
        "attempt": last,
        "code": last.code if last is not None else row.starter,
        "passages": row.passages.filter(pk__in=readable).select_related("material__course"),
    }
    return render(request, "exercises/exercise.html", context)


@require_POST
def hand_in(request: HttpRequest, slug: str, exercise: uuid.UUID) -> JsonResponse:
    """Take a program ({"code"}) and have its tests run; the answer says where to look for the result."""
    course = access.course_for(request, slug)
    row = get_object_or_404(course.exercises.kept(), uuid=exercise)
    try:
        code = json.loads(request.body)["code"]
    except (ValueError, TypeError, KeyError):
        code = None
    if not isinstance(code, str) or not code.strip():
        return JsonResponse({"error": "There is no program yet. Write one, then run the tests."}, status=400)
    if len(code) > LARGEST:
        words = f"Your program has {len(code):,} characters, and at most {LARGEST:,} are taken. Shorten it."
        return JsonResponse({"error": words}, status=400)
    tries = ExerciseAttempt.objects.filter(
        user=person(request), created__gte=timezone.now() - timedelta(minutes=1)
    )
    if tries.count() >= A_MINUTE:
        words = f"At most {A_MINUTE} programs a minute are run for one person. Wait a moment; your program is still here."
        return JsonResponse({"error": words}, status=429)
    attempt = attempting.hand_in(row, person(request), code.replace("\0", ""))
    return JsonResponse({"attempt": str(attempt.uuid)}, status=201)


@require_GET
def attempt(request: HttpRequest, slug: str, attempt: uuid.UUID) -> JsonResponse:
    """How far the caller's attempt is, and what came of it."""
    course = access.course_for(request, slug)
    row = get_object_or_404(ExerciseAttempt, uuid=attempt, exercise__course=course, user=person(request))
    return JsonResponse(row.as_json())


# For those who teach -------------------------------------------------------------------------------------------------


@require_GET
def bank(request: HttpRequest, slug: str) -> HttpResponse:
    """All exercises of the course, with what verifying them found."""
    course = access.course_taught(request, slug)
    show = request.GET.get("show", "")
    rows = (
        course.exercises.select_related("skill")
        .annotate(people=Count("tries__user", distinct=True))
        .order_by("title", "pk")
    )
    shown = (
        rows.filter(standing=show)
        if show in Exercise.Standing.values
        else rows.exclude(standing=Exercise.Standing.REJECTED)
    )
    waiting = course.exercises.filter(state__in=WORKING).count()
    context = {
        "section": "lessons",
        "page": Paginator(shown, A_PAGE).get_page(request.GET.get("page")),
        "show": show,
        "counts": dict(
            course.exercises.values_list("standing").annotate(count=Count("pk")).order_by("standing")
        ),
        "working": waiting > 0,
        "verified": 1 - waiting / max(1, course.exercises.count()),
        "form": ImportForm(),
    }
    return render(request, "exercises/bank.html", context)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """Write an exercise by hand; it is verified at once."""
    course = access.course_taught(request, slug)
    row = Exercise(course=course, created_by=person(request), made_how="by hand")
    form = ExerciseForm(request.POST or None, instance=row, course=course)
    if request.method == "POST" and form.is_valid():
        form.save(commit=False).verify()
        messages.success(
            request, "Saved. It is being verified; keep it once its tests have shown what they are worth."
        )
        return redirect("exercises:edit", slug, row.uuid)
    return render(request, "exercises/edit.html", {"section": "lessons", "form": form})


@require_POST
def bring(request: HttpRequest, slug: str) -> HttpResponse:
    """Take the exercises of a JSON-lines file."""
    course = access.course_taught(request, slug)
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid() or form.cleaned_data["file"].size > LARGEST_FILE:
        messages.error(request, f"Choose a JSON-lines file of at most {LARGEST_FILE // 1_000_000} MB.")
        return redirect("exercises:bank", slug)
    try:
        text = form.cleaned_data["file"].read().decode("utf-8-sig")
        rows = keeping.receive(course, text, person(request))
    except UnicodeDecodeError:
        messages.error(request, "The file is not text in UTF-8. Save it as UTF-8 and import it again.")
    except keeping.Unreadable as error:
        messages.error(request, str(error))
    else:
        number = "One exercise was" if len(rows) == 1 else f"{len(rows)} exercises were"
        messages.success(request, f"{number} imported, to be verified one after the other.")
    return redirect("exercises:bank", slug)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, slug: str, exercise: uuid.UUID) -> HttpResponse:
    """Change an exercise. With another solution or other tests it is verified again."""
    course = access.course_taught(request, slug)
    row = get_object_or_404(course.exercises, uuid=exercise)
    form = ExerciseForm(request.POST or None, instance=row, course=course)
    if request.method == "POST" and form.is_valid():
        changed = form.save(commit=False)
        if form.asks_for_verification:
            changed.verify()
            messages.success(request, "Saved. It is being verified again; until then students do not see it.")
        else:
            changed.save(update_fields=["title", "prompt", "starter", "hint", "skill"])
            changed.show_skill()
            messages.success(request, "Saved.")
        return redirect("exercises:edit", slug, row.uuid)
    context = {
        "section": "lessons",
        "exercise": row,
        "form": form,
        "working": row.state in WORKING,
        "may_repair": may_repair(Endpoint.objects.for_course(course)),
    }
    return render(request, "exercises/edit.html", context)


@require_POST
def act(request: HttpRequest, slug: str, exercise: uuid.UUID) -> HttpResponse:
    """Keep, reject, verify, repair or delete an exercise."""
    course = access.course_taught(request, slug)
    row = get_object_or_404(course.exercises, uuid=exercise)
    deed = request.POST.get("act", "")
    if deed == "delete":
        if row.item is not None:
            row.standing = Exercise.Standing.REJECTED
            row.show_skill()  # what was answered keeps counting; the item is not asked any more
        row.delete()
        messages.success(request, f"“{row}” was deleted.")
        return redirect("exercises:bank", slug)
    if deed in ("verify", "repair"):
        row.verify(repair=deed == "repair")
        messages.success(request, f"“{row}” is being verified.")
    elif deed in ("kept", "rejected", "proposed"):
        try:
            row.decide(deed)
        except ValueError as error:
            messages.error(request, str(error))
        else:
            said = {
                "kept": "is there for students",
                "rejected": "was rejected",
                "proposed": "was taken back",
            }[deed]
            messages.success(request, f"“{row}” {said}.")
    else:
        messages.error(request, "Keep the exercise, reject it, or verify it.")
    if request.POST.get("next") == "edit":
        return redirect("exercises:edit", slug, row.uuid)
    return redirect("exercises:bank", slug)
