"""The list of courses, making one, its settings and its end."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from courses import access
from courses.forms import CourseForm, SettingsForm
from courses.models import Course, Enrolment, Role
from courses.removal import remove_course
from tutor.accounts.audit import note
from tutor.accounts.models import User
from tutor.accounts.views import own
from tutor.jobs import State
from tutor.llm.models import Quota, Usage


def may_create(user: object) -> bool:
    """Who may open a course: admins, and people an admin has allowed to."""
    return isinstance(user, User) and (user.is_superuser or user.may_create_courses)


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The caller's courses, each with the caller's role."""
    materials = Q(materials__superseded=False, materials__state=State.DONE)
    courses = list(
        Course.objects.visible_to(request.user)
        .annotate(
            material_count=Count("materials", filter=materials, distinct=True),
            student_count=Count("enrolments", filter=Q(enrolments__role=Role.STUDENT), distinct=True),
        )
        .order_by("archived", "title")
    )
    roles = dict(Enrolment.objects.filter(user=own(request)).values_list("course_id", "role"))
    for course in courses:
        course.role = roles.get(course.pk, "")  # type: ignore[attr-defined]
    return render(request, "courses/home.html", {"courses": courses, "may_create": may_create(request.user)})


def new(request: HttpRequest) -> HttpResponse:
    """Make a course; its maker becomes its instructor."""
    if not may_create(request.user):
        raise PermissionDenied("Ask an administrator to let you create courses.")
    form = CourseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            course = form.save()
            Enrolment.objects.create(course=course, user=own(request), role=Role.INSTRUCTOR)
        note(request, "course.created", course, course_id=course.pk)
        messages.success(request, "The course is there. Upload what it should answer from.")
        return redirect("courses:materials", course.slug)
    return render(request, "courses/new.html", {"form": form})


def settings(request: HttpRequest, slug: str) -> HttpResponse:
    """Name, agent, guidance and model of a course."""
    course = access.course_led(request, slug)
    form = SettingsForm(request.POST or None, instance=course)
    if request.method == "POST" and form.is_valid():
        form.save()
        note(request, "course.changed", course, course_id=course.pk, fields=form.changed_data)
        messages.success(request, "Saved.")
        return redirect("courses:settings", course.slug)
    quota = Quota.objects.filter(course_id=course.pk, user=None).first()
    used = Usage.objects.today().filter(course_id=course.pk).tokens()
    context = {
        "form": form,
        "quota": quota and quota.tokens_per_day,
        "used_today": used,
        "section": "settings",
    }
    return render(request, "courses/settings.html", context)


@require_POST
def archive(request: HttpRequest, slug: str) -> HttpResponse:
    """Close a course to new questions and people, or open it again."""
    course = access.course_led(request, slug)
    course.archived = request.POST.get("archived") == "1"
    course.save(update_fields=["archived"])
    note(request, "course.archived" if course.archived else "course.reopened", course, course_id=course.pk)
    messages.success(request, "The course is archived." if course.archived else "The course is open again.")
    return redirect("courses:settings", course.slug)


@require_POST
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    """Delete a course for good; its name has to be typed."""
    course = access.course_led(request, slug)
    if request.POST.get("title", "").strip() != course.title.strip():
        messages.error(
            request, "The name did not match, so nothing was deleted. Type the course's name exactly."
        )
        return redirect("courses:settings", course.slug)
    pk = course.pk
    remove_course(course)
    note(request, "course.deleted", course.title, course_id=pk, slug=slug)
    messages.success(request, f"“{course.title}” is gone, with its materials and conversations.")
    return redirect("courses:home")


@require_POST
def preview(request: HttpRequest, slug: str) -> HttpResponse:
    """See the course as a student does, or stop doing so."""
    course = access.course_taught(request, slug)
    on = request.POST.get("as_student") == "1"
    access.preview(request, course, on)
    return redirect("chat:course" if on else "courses:materials", course.slug)
