"""What the classes of a lesson show, for those who teach; and proposed changes to its script."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from courses import access
from tutor.accounts.models import User
from tutor.classrooms import analytics as work
from tutor.classrooms import proposing
from tutor.classrooms.models import Lesson, Proposal
from tutor.llm.embeddings import EmbeddingError


def _lesson(request: HttpRequest, slug: str, lesson: uuid.UUID) -> Lesson:
    course = access.course_taught(request, slug)
    return get_object_or_404(course.lessons.select_related("course"), uuid=lesson)


@require_GET
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """The lessons with what there is to look at."""
    course = access.course_taught(request, slug)
    return render(request, "classrooms/analytics.html", {"summaries": work.overview(course)})


@require_GET
def lesson(request: HttpRequest, slug: str, lesson: uuid.UUID) -> HttpResponse:
    """One version of a lesson."""
    row = _lesson(request, slug, lesson)
    pages = work.by_page(row)
    results = work.quiz(row)
    people = work.attendance(row)
    parts = work.participation(row)
    proposals = (
        Proposal.objects.filter(page__lesson__in=_versions(row))
        .select_related("page", "line__action", "passage__material__course", "draft", "decided_by")
        .prefetch_related("questions")
    )
    settled = {question.pk for proposal in proposals for question in proposal.questions.all()}
    context = {
        "lesson": row,
        "people": people,
        "page_count": len(pages),
        "pages": pages,
        "most_asked": max((page.asked for page in pages), default=0),
        "clusters": [
            (cluster, cluster.questions[0].pk in settled)
            for page in pages
            for cluster in page.clusters
            if cluster.count >= work.OFTEN
        ],
        "results": results,
        "skills": work.by_skill(results),
        "parts": parts,
        "most_words": max((part.words for part in parts), default=0),
        "proposals": [
            (
                proposal,
                _around(proposal),
                _url(proposal),
                proposing.effect(proposal) if proposal.draft else None,
            )
            for proposal in proposals
        ],
    }
    return render(request, "classrooms/lesson_analytics.html", context)


def _versions(lesson: Lesson) -> list[int]:
    """This version and those before it: what was proposed there led here."""
    found = [lesson.pk]
    while lesson.replaces is not None:
        lesson = lesson.replaces
        found.append(lesson.pk)
    return found


def _around(proposal: Proposal) -> str:
    """The line that stays before an added one."""
    return proposal.line.text if proposal.line and proposal.kind == Proposal.Kind.ADD else ""


def _url(proposal: Proposal) -> str:
    return proposal.passage.url(proposal.start, proposal.end) if proposal.passage else ""


@require_POST
def propose(request: HttpRequest, slug: str, lesson: uuid.UUID) -> HttpResponse:
    """Look for a line that answers the cluster to which `question` belongs."""
    row = _lesson(request, slug, lesson)
    number = request.POST.get("question", "")
    clusters = [cluster for page in work.by_page(row) for cluster in page.clusters]
    chosen = next(
        (one for one in clusters if number in {str(question.pk) for question in one.questions}), None
    )
    if chosen is None:
        messages.error(request, "This question is not there any more.")
        return redirect("classrooms:attendance", slug, lesson)
    try:
        proposing.propose(row, chosen)
    except proposing.NothingToPropose as error:
        messages.info(request, str(error))
    except EmbeddingError as error:
        messages.error(request, f"No change could be looked for: {error}")
    return redirect("classrooms:attendance", slug, lesson)


@require_POST
def decide(request: HttpRequest, slug: str, proposal: int) -> HttpResponse:
    """Accept or reject a proposed change."""
    course = access.course_taught(request, slug)
    rows = Proposal.objects.filter(page__lesson__course=course).select_related("page__lesson__course", "line")
    row = get_object_or_404(rows, pk=proposal)
    assert isinstance(request.user, User)
    try:
        if request.POST.get("do") == "accept":
            draft = proposing.accept(row, request.user)
            messages.success(
                request, f"The line is in the draft of version {draft.version}. Review and publish it."
            )
        else:
            proposing.reject(row, request.user)
    except (proposing.Decided, proposing.NothingToPropose) as error:
        messages.error(request, str(error))
    return redirect("classrooms:attendance", slug, row.page.lesson.uuid)
