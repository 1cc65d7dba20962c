"""Site administration: the overview, people and courses."""

from __future__ import annotations

from datetime import timedelta

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.sessions.models import Session
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from courses.models import Course, Enrolment, Material, Role
from tutor.accounts.audit import note
from tutor.accounts.models import User
from tutor.chat.models import Turn
from tutor.dashboard.forms import NewPersonForm, RolesForm
from tutor.dashboard.health import as_json, findings
from tutor.dashboard.site_access import admin_only
from tutor.jobs import State
from tutor.llm.models import Usage

A_PAGE = 50


@require_GET
@admin_only
def overview(request: HttpRequest) -> HttpResponse:
    """The site at a glance."""
    week = timezone.now() - timedelta(days=7)
    found = findings()
    stats = [
        ("people", User.objects.filter(is_active=True).count(), reverse("dashboard:users")),
        ("courses", Course.objects.filter(archived=False).count(), reverse("dashboard:courses")),
        ("materials read", Material.objects.current().filter(state=State.DONE).count(), ""),
        ("questions this week", Turn.objects.filter(created__gte=week).count(), ""),
        ("tokens today", Usage.objects.today().tokens(), reverse("dashboard:usage")),
    ]
    context = {"stats": stats, "findings": found, "state": as_json(found)["state"], "tab": "overview"}
    return render(request, "dashboard/overview.html", context)


@admin_only
def users(request: HttpRequest) -> HttpResponse:
    """Everybody with an account; and adding somebody."""
    form = NewPersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = form.save()
        note(request, "user.created", user.email)
        messages.success(request, f"{user.email} is added. Copy the link below and send it to them.")
        return redirect("dashboard:user", user.pk)
    query, show = request.GET.get("q", "").strip(), request.GET.get("show", "")
    rows = User.objects.annotate(courses=Count("enrolments")).order_by("name", "email")
    if query:
        rows = rows.filter(Q(name__icontains=query) | Q(email__icontains=query))
    shown = {
        "admins": Q(is_superuser=True),
        "coaches": Q(is_coach=True),
        "creators": Q(may_create_courses=True),
        "inactive": Q(is_active=False),
    }
    if show in shown:
        rows = rows.filter(shown[show])
    page = Paginator(rows, A_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "dashboard/users.html",
        {"page": page, "query": query, "show": show, "form": form, "tab": "users"},
    )


@admin_only
def user(request: HttpRequest, pk: int) -> HttpResponse:
    """One person: roles, second factor, courses."""
    person = get_object_or_404(User, pk=pk)
    form = RolesForm(request.POST or None, instance=person)
    if request.method == "POST" and form.is_valid():
        form.save()
        if not person.is_active:
            sign_out_everywhere(person)
        note(
            request,
            "user.changed",
            person.email,
            fields={name: form.cleaned_data[name] for name in form.changed_data},
        )
        messages.success(request, "Saved.")
        return redirect("dashboard:user", pk)
    context = {
        "person": person,
        "form": form,
        "places": Enrolment.objects.filter(user=person).select_related("course").order_by("course__title"),
        "factors": Authenticator.objects.filter(user=person),
        "password_link": "" if person.has_usable_password() else password_link(request, person),
        "tokens": Usage.objects.today().filter(user=person).tokens(),
        "tab": "users",
    }
    return render(request, "dashboard/user.html", context)


def password_link(request: HttpRequest, person: User) -> str:
    """A link by which the person sets a password, for sites without a mail server."""
    key = f"{user_pk_to_url_str(person)}-{default_token_generator.make_token(person)}"
    uid, _, token = key.partition("-")
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
    return request.build_absolute_uri(path)


def sign_out_everywhere(person: User) -> None:
    """End every session of the person."""
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get("_auth_user_id") == str(person.pk):
            session.delete()


@require_POST
@admin_only
def reset(request: HttpRequest, pk: int) -> HttpResponse:
    """Take away a person's second factor, or make a link for a new password."""
    person = get_object_or_404(User, pk=pk)
    if request.POST.get("what") == "mfa":
        Authenticator.objects.filter(user=person).delete()
        sign_out_everywhere(person)
        note(request, "user.mfa_reset", person.email)
        messages.success(
            request, "The second factor is gone; they were signed out and can sign in without it."
        )
    else:
        person.set_unusable_password()
        person.save(update_fields=["password"])
        sign_out_everywhere(person)
        note(request, "user.password_reset", person.email)
        messages.success(
            request, "The old password no longer works. Copy the link below and send it to them."
        )
    return redirect("dashboard:user", pk)


@require_GET
@admin_only
def courses(request: HttpRequest) -> HttpResponse:
    """Every course, with who leads it and what it holds."""
    query = request.GET.get("q", "").strip()
    rows = Course.objects.select_related("endpoint").annotate(
        students=Count("enrolments", filter=Q(enrolments__role=Role.STUDENT), distinct=True),
        files=Count("materials", filter=Q(materials__superseded=False), distinct=True),
        talks=Count("conversations", distinct=True),
    )
    if query:
        rows = rows.filter(Q(title__icontains=query) | Q(slug__icontains=query))
    page = Paginator(rows.order_by("archived", "title"), A_PAGE).get_page(request.GET.get("page"))
    leaders: dict[int, list[str]] = {}
    for place in Enrolment.objects.filter(course__in=list(page), role=Role.INSTRUCTOR).select_related("user"):
        leaders.setdefault(place.course_id, []).append(str(place.user))
    context = {"page": page, "query": query, "leaders": leaders, "tab": "courses"}
    return render(request, "dashboard/courses.html", context)
