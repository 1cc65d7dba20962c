"""Who is in a course and how they get in: roles, invitation links, rosters, joining."""

from __future__ import annotations

import base64
import csv
import zlib

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.core.cache import cache
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Case, Count, F, Q, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from courses import access
from courses.forms import InvitationForm, RosterForm
from courses.models import Course, Enrolment, Invitation, Role
from courses.roster import UnreadableRoster, carry_out, plan
from tutor.accounts.audit import address_of, note
from tutor.accounts.invited import INVITATION_KEY
from tutor.accounts.models import User

A_PAGE = 200
ROSTER_SALT = "courses.roster"
JOIN_TRIES = 30  # invitation links one address may try in ten minutes


@require_GET
def people(request: HttpRequest, slug: str) -> HttpResponse:
    """Enrolments by role, the course's links, and who was invited but has not come yet."""
    course = access.course_taught(request, slug)
    query = request.GET.get("q", "").strip()
    places = course.enrolments.select_related("user")
    if query:
        places = places.filter(Q(user__name__icontains=query) | Q(user__email__icontains=query))
    counts = dict(places.order_by().values_list("role").annotate(Count("pk")))
    rank = Case(*(When(role=role, then=number) for number, role in enumerate(reversed(Role.values))))
    page = Paginator(places.order_by(rank, "user__name", "user__email"), A_PAGE).get_page(
        request.GET.get("page")
    )
    groups = [
        (label, counts.get(role, 0), [place for place in page if place.role == role])
        for role, label in reversed(Role.choices)
    ]
    invitations = course.invitations.usable().order_by("-created")
    return render(
        request,
        "courses/people.html",
        {
            "groups": groups,
            "page": page,
            "query": query,
            "links": invitations.filter(email=""),
            "invited": invitations.exclude(email=""),
            "roles": Role.choices,
            "invitation_form": InvitationForm(),
            "roster_form": RosterForm(),
            "leads": course.role_of(request.user) == Role.INSTRUCTOR,
            "origin": request.build_absolute_uri("/").rstrip("/"),
            "section": "people",
        },
    )


@require_POST
def change_role(request: HttpRequest, slug: str, enrolment: int) -> HttpResponse:
    """Give somebody another role in the course."""
    course = access.course_led(request, slug)
    role = request.POST.get("role", "")
    if role not in Role.values:
        raise Http404
    with transaction.atomic():
        place = locked_place(course, enrolment)
        if role != Role.INSTRUCTOR and is_last_instructor(course, place):
            messages.error(request, "A course needs an instructor. Make somebody else instructor first.")
        elif role != place.role:
            before, place.role = place.role, role
            place.save(update_fields=["role"])
            note(
                request, "enrolment.changed", place.user.email, course_id=course.pk, before=before, after=role
            )
            messages.success(request, f"{place.user} is {Role(role).label.lower()} now.")
    return redirect("courses:people", slug)


@require_POST
def remove(request: HttpRequest, slug: str, enrolment: int) -> HttpResponse:
    """Take somebody out of the course. Their conversations stay theirs and come back if they are enrolled again."""
    course = access.course_led(request, slug)
    with transaction.atomic():
        place = locked_place(course, enrolment)
        if is_last_instructor(course, place):
            messages.error(request, "A course needs an instructor. Make somebody else instructor first.")
        else:
            place.delete()
            note(request, "enrolment.removed", place.user.email, course_id=course.pk, role=place.role)
            messages.success(request, f"{place.user} is no longer in this course.")
    return redirect("courses:people", slug)


def locked_place(course: Course, enrolment: int) -> Enrolment:
    """The enrolment, while no other request can change who leads the course."""
    Course.objects.select_for_update().get(pk=course.pk)
    return get_object_or_404(Enrolment.objects.select_related("user"), course=course, pk=enrolment)


def is_last_instructor(course: Course, place: Enrolment) -> bool:
    """True for the only instructor the course has."""
    others = course.enrolments.filter(role=Role.INSTRUCTOR).exclude(pk=place.pk)
    return place.role == Role.INSTRUCTOR and not others.exists()


@require_POST
def invite(request: HttpRequest, slug: str) -> HttpResponse:
    """Make a link that lets people in."""
    course = access.course_led(request, slug)
    form = InvitationForm(request.POST)
    if form.is_valid():
        invitation = form.invitation(course, request.user)
        note(
            request, "invitation.created", invitation.role, course_id=course.pk, max_uses=invitation.max_uses
        )
        messages.success(request, "The link is ready. Copy it and send it to those who shall join.")
    else:
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
    return redirect("courses:people", slug)


@require_GET
def invited(request: HttpRequest, slug: str) -> HttpResponse:
    """The personal links of those who have not come yet, as CSV for a mail merge."""
    course = access.course_led(request, slug)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{course.slug}-invitations.csv"'
    response.write("\ufeff")  # tells spreadsheets that it is UTF-8
    lines = csv.writer(response)
    lines.writerow(["email", "name", "role", "link"])
    for invitation in course.invitations.usable().exclude(email="").order_by("email"):
        link = request.build_absolute_uri(invitation.get_absolute_url())
        cells = (invitation.email, invitation.name, invitation.role, link)
        lines.writerow([f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell for cell in cells])
    return response


@require_POST
def revoke(request: HttpRequest, slug: str, invitation: int) -> HttpResponse:
    """Make a link useless."""
    course = access.course_led(request, slug)
    link = get_object_or_404(Invitation, course=course, pk=invitation)
    if Invitation.objects.filter(pk=link.pk, revoked=False).update(revoked=True):
        note(request, "invitation.revoked", invitation, course_id=course.pk)
        messages.success(request, "The link no longer works.")
    return redirect("courses:people", slug)


def roster(request: HttpRequest, slug: str) -> HttpResponse:
    """Import a class list: first what it would do, and on a second press doing it."""
    course = access.course_led(request, slug)
    form = RosterForm(request.POST or None, request.FILES or None)
    context = {"form": form, "section": "people"}
    if request.method != "POST":
        return render(request, "courses/roster.html", context)
    try:
        if "plan" in request.POST:
            return import_roster(request, course, unpack(request.POST["plan"]))
        if form.is_valid():
            raw = form.raw()
            context |= {"plan": plan(course, raw), "packed": pack(raw)}
    except UnreadableRoster as error:
        form.add_error(None, str(error))
    return render(request, "courses/roster.html", context)


def import_roster(request: HttpRequest, course: Course, raw: bytes) -> HttpResponse:
    """Carry the roster out and tell what was done."""
    done = carry_out(course, plan(course, raw), request.user if isinstance(request.user, User) else None)
    counts = {"added": len(done.of("add")), "invited": len(done.of("invite")), "changed": len(done.changed)}
    note(request, "roster.imported", course, course_id=course.pk, **counts)
    messages.success(
        request,
        f"{counts['added']} enrolled, {counts['invited']} invited, {counts['changed']} changed, {len(done.same)} left alone.",
    )
    return redirect("courses:people", course.slug)


def pack(raw: bytes) -> str:
    """The roster as a signed form field, so that the second press imports what the first one showed."""
    return signing.dumps(base64.b64encode(zlib.compress(raw)).decode(), salt=ROSTER_SALT)


def unpack(packed: str) -> bytes:
    """The roster out of its form field, within an hour."""
    try:
        return zlib.decompress(base64.b64decode(signing.loads(packed, salt=ROSTER_SALT, max_age=3600)))
    except signing.BadSignature:
        raise UnreadableRoster("The check is older than an hour. Choose the roster again.") from None


@never_cache
@login_not_required
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Where an invitation link leads: say what it is, then enrol whoever accepts it."""
    if not may_try(request):
        return render(
            request,
            "courses/join.html",
            {"problem": "Too many links were tried. Wait ten minutes."},
            status=429,
        )
    invitation = Invitation.objects.select_related("course").filter(token=token).first()
    if invitation is None:
        return render(
            request,
            "courses/join.html",
            {"problem": "This link is not known. Ask for a new one."},
            status=404,
        )
    user = request.user if isinstance(request.user, User) else None
    place = invitation.course.enrolments.filter(user=user).first() if user else None
    if place is not None:
        return redirect("chat:course", invitation.course.slug)
    problem = problem_of(invitation, user)
    if problem:
        context = {"problem": problem, "wrong_account": bool(user and invitation.email)}
        return render(request, "courses/join.html", context, status=410)
    if user is None:
        request.session[INVITATION_KEY] = {"token": token, "email": invitation.email, "name": invitation.name}
        return render(request, "courses/join.html", {"invitation": invitation, "here": request.path})
    if request.method == "POST":
        if not accept(invitation, user):
            problem = "The link has just been used up. Ask for a new one."
            return render(request, "courses/join.html", {"problem": problem}, status=410)
        request.session.pop(INVITATION_KEY, None)
        note(request, "enrolment.joined", user.email, course_id=invitation.course_id, role=invitation.role)
        messages.success(request, f"Welcome to {invitation.course}.")
        taught = invitation.role != Role.STUDENT
        return redirect("courses:materials" if taught else "chat:course", invitation.course.slug)
    return render(request, "courses/join.html", {"invitation": invitation})


def problem_of(invitation: Invitation, user: User | None) -> str:
    """Why the link cannot be used, in words; "" if it can."""
    if invitation.revoked:
        return "This link was withdrawn. Ask for a new one."
    if invitation.course.archived:
        return "This course is archived and takes nobody in any more."
    if not Invitation.objects.usable().filter(pk=invitation.pk).exists():
        return "This link has expired or has been used up. Ask for a new one."
    if user is not None and invitation.email and user.email != invitation.email.lower():
        return f"This link is for {invitation.email}, and you are signed in as {user.email}."
    return ""


def accept(invitation: Invitation, user: User) -> bool:
    """Enrol the user by the link. False if somebody else took the last use of it a moment before."""
    with transaction.atomic():
        # On the row itself, without the join of `usable`: only so is the condition judged again after waiting for it.
        left = Invitation.objects.filter(
            Q(max_uses=None) | Q(uses__lt=F("max_uses")), pk=invitation.pk, revoked=False
        )
        if problem_of(invitation, user) or not left.update(uses=F("uses") + 1):
            return False
        _, created = Enrolment.objects.get_or_create(
            course=invitation.course, user=user, defaults={"role": invitation.role}
        )
        if not created:  # pressed twice
            Invitation.objects.filter(pk=invitation.pk).update(uses=F("uses") - 1)
        if invitation.name and not user.name:
            User.objects.filter(pk=user.pk).update(name=invitation.name)
    return True


def may_try(request: HttpRequest) -> bool:
    """Guessing links is limited by address."""
    key = f"join:{address_of(request)}"
    cache.add(key, 0, timeout=600)
    try:
        return cache.incr(key) <= JOIN_TRIES
    except ValueError:
        return True
