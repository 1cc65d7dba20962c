"""Pages of the chat. Thin: authorise in the query, call the work, render."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses import access
from courses.models import Course, Material
from tutor.accounts.models import User
from tutor.chat import feedback as signals
from tutor.chat import history, staff_questions
from tutor.chat.asking import MAX_QUESTION
from tutor.chat.models import Conversation, ConversationQuerySet, Feedback, StaffQuestion, Turn
from tutor.chat.starters import starters_for

A_PAGE = 40


class BadBody(ValueError):
    """The request's JSON is not what the page sends."""


def body_of(request: HttpRequest) -> dict[str, Any]:
    """The JSON object that the page sent. Raises BadBody."""
    try:
        fields = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        raise BadBody from None
    if not isinstance(fields, dict):
        raise BadBody
    return fields


def text_of(fields: dict[str, Any], name: str, longest: int) -> str:
    """A text among the fields, "" where there is none. Raises BadBody."""
    value = fields.get(name, "")
    if not isinstance(value, str) or len(value) > longest:
        raise BadBody
    return value.replace("\0", "").encode("utf-8", "replace").decode().strip()


def refuse(words: str, status: int = 400) -> JsonResponse:
    """An error, in words for the person."""
    return JsonResponse({"error": words}, status=status)


def person(request: HttpRequest) -> User:
    """The caller: nobody comes here who is not signed in (LoginRequiredMiddleware)."""
    assert isinstance(request.user, User)
    return request.user


def own_conversations(request: HttpRequest, course: Course) -> ConversationQuerySet:
    """The caller's conversations in the course."""
    return Conversation.objects.of(request.user).filter(course=course)


def own_conversation(request: HttpRequest, slug: str, conversation: uuid.UUID) -> Conversation:
    """A conversation of the caller's, or 404."""
    course = access.course_for(request, slug)
    rows = own_conversations(request, course).select_related("course", "user")
    return get_object_or_404(rows, uuid=conversation)


def own_turn(request: HttpRequest, slug: str, conversation: uuid.UUID, turn: uuid.UUID) -> Turn:
    """A turn of the caller's, or 404."""
    rows = own_conversation(request, slug, conversation).turns.select_related("conversation__course")
    return get_object_or_404(rows, uuid=turn)


def page_data(course: Course) -> dict[str, Any]:
    """What the page's script has to know about the course."""
    home = reverse("chat:conversations", args=[course.slug])
    return {
        "course": {
            "slug": course.slug,
            "title": course.title,
            "agent": course.agent_name,
            "url": course.get_absolute_url(),
        },
        "urls": {"list": home, "create": home},
        "limits": {"question": MAX_QUESTION},
    }


@require_GET
def course(request: HttpRequest, slug: str) -> HttpResponse:
    """Where a conversation starts: questions the material answers, and the composer."""
    course = access.course_for(request, slug)
    found = starters_for(course, person(request), as_student=access.as_student(request, course))
    starters = [
        {
            "question": starter.question,
            "title": starter.passage.material.title,
            "label": starter.passage.label,
        }
        for starter in found
    ]
    material = Material.objects.readable_by(
        request.user, course, as_student=access.as_student(request, course)
    )
    context = {
        "starters": starters,
        "has_material": material.filter(passages__isnull=False).exists(),
        "conversations": own_conversations(request, course)[:A_PAGE],
        "page": {**page_data(course), "starters": starters},
    }
    return render(request, "chat/conversation.html", context)


@require_http_methods(["GET", "POST"])
def conversations(request: HttpRequest, slug: str) -> JsonResponse:
    """The caller's conversations as JSON, newest first, by ?q= only those with these words; or a new one."""
    course = access.course_for(request, slug)
    if request.method == "POST":
        new = Conversation.objects.create(
            course=course, user=person(request), as_student=access.as_student(request, course)
        )
        return JsonResponse({"id": str(new.uuid), "url": new.get_absolute_url()}, status=201)
    rows = own_conversations(request, course).filter(turns__isnull=False).distinct().select_related("course")
    for word in request.GET.get("q", "").split()[:8]:
        found = Turn.objects.filter(Q(question__icontains=word) | Q(messages__text__icontains=word))
        rows = rows.filter(Q(title__icontains=word) | Q(pk__in=found.values("conversation")))
    unseen = Q(turns__staff_question__answered_at__isnull=False, turns__staff_question__seen_by_student=False)
    page = Paginator(
        rows.annotate(unseen=Count("turns__staff_question", filter=unseen, distinct=True)).order_by(
            "-updated"
        ),
        A_PAGE,
    ).get_page(request.GET.get("page"))
    listed = [
        {
            "id": str(row.uuid),
            "title": str(row),
            "url": row.get_absolute_url(),
            "updated": row.updated.isoformat(),
            "unseen_replies": row.unseen,  # type: ignore[attr-defined] # annotated above
        }
        for row in page
    ]
    return JsonResponse({"conversations": listed, "more": page.has_next()})


@require_http_methods(["GET", "PATCH", "DELETE"])
def conversation(request: HttpRequest, slug: str, conversation: uuid.UUID) -> HttpResponse:
    """The page of a conversation; PATCH renames it, DELETE takes it away."""
    row = own_conversation(request, slug, conversation)
    if request.method == "DELETE":
        Conversation.objects.filter(pk=row.pk).update(deleted=True)
        return HttpResponse(status=204)
    if request.method == "PATCH":
        try:
            title = text_of(body_of(request), "title", 120)
        except BadBody:
            title = ""
        if not title:
            return refuse("Give the conversation a name of at most 120 characters.")
        Conversation.objects.filter(pk=row.pk).update(title=title)
        return JsonResponse({"id": str(row.uuid), "title": title, "url": row.get_absolute_url()})
    turns, after = history.finished(row)
    StaffQuestion.objects.filter(turn__conversation=row).exclude(answered_at=None).update(
        seen_by_student=True
    )
    data = page_data(row.course)
    url = row.get_absolute_url()
    data["urls"] |= {
        "conversation": url,
        "export": f"{url}export.md",
        "feedback": f"{url}turns/TURN/feedback/",
        "ask_staff": f"{url}turns/TURN/ask-staff/",
    }
    data |= {
        "conversation": {"id": str(row.uuid), "title": str(row), "url": url},
        "socket": f"/ws/conversations/{row.uuid}/",
        "after": after,
        "turns": turns,
        "feedback": {turn["id"]: turn["feedback"] for turn in turns if turn["feedback"]},
        "asked": {turn["id"]: True for turn in turns if turn["asked_staff"]},
        "replies": {turn["id"]: turn["replies"] for turn in turns if turn["replies"]},
    }
    context = {
        "conversation": row,
        "conversations": own_conversations(request, row.course).exclude(title="")[:A_PAGE],
        "turns": turns,
        "page": data,
    }
    return render(request, "chat/conversation.html", context)


@require_GET
def export(request: HttpRequest, slug: str, conversation: uuid.UUID) -> HttpResponse:
    """The conversation as a Markdown file."""
    row = own_conversation(request, slug, conversation)
    response = HttpResponse(history.as_markdown(row), content_type="text/markdown; charset=utf-8")
    name = slugify(str(row))[:60] or "conversation"
    response["Content-Disposition"] = f'attachment; filename="{name}.md"'
    return response


@require_http_methods(["POST", "DELETE"])
def feedback(request: HttpRequest, slug: str, conversation: uuid.UUID, turn: uuid.UUID) -> JsonResponse:
    """A thumb, up or down, with a reason; DELETE takes it back."""
    row = own_turn(request, slug, conversation, turn)
    if request.method == "DELETE":
        Feedback.objects.filter(turn=row, user=person(request)).delete()
        return JsonResponse({"up": None, "reason": ""})
    try:
        fields = body_of(request)
        reason = text_of(fields, "reason", 2000)
    except BadBody:
        return refuse("The reason may have 2,000 characters. Shorten it.")
    if not isinstance(fields.get("up"), bool):
        return refuse("Say whether the answer helped: up is true or false.")
    given = signals.judge(row, person(request), fields["up"], reason)
    return JsonResponse({"up": given.up, "reason": given.reason})


@require_POST
def ask_staff(request: HttpRequest, slug: str, conversation: uuid.UUID, turn: uuid.UUID) -> JsonResponse:
    """Hand the question to the course staff."""
    row = own_turn(request, slug, conversation, turn)
    try:
        comment = text_of(body_of(request), "comment", 2000)
        staff_questions.hand_over(row, comment)
    except BadBody:
        return refuse("The comment may have 2,000 characters. Shorten it.")
    except staff_questions.NotFinished as error:
        return refuse(str(error), 409)
    return JsonResponse({"asked": True}, status=201)


@require_GET
def inbox(request: HttpRequest, slug: str) -> HttpResponse:
    """What students asked the staff."""
    course = access.course_taught(request, slug)
    answered = staff_questions.of_course(course).exclude(answered_at=None).order_by("-answered_at")
    context = {
        "waiting": with_answers(list(staff_questions.waiting(course))),
        "answered": with_answers(list(answered[:50])),
    }
    return render(request, "chat/inbox.html", context)


def with_answers(questions: list[StaffQuestion]) -> list[StaffQuestion]:
    """The questions, each with what the agent said."""
    said = history.answers_of([question.turn_id for question in questions])
    for question in questions:
        question.answer_text = said.get(question.turn_id, "")  # type: ignore[attr-defined]
        question.asked_by = question.turn.asker  # type: ignore[attr-defined]
    return questions


@require_POST
def reply(request: HttpRequest, slug: str, question: int) -> HttpResponse:
    """Answer a student's question."""
    course = access.course_taught(request, slug)
    row = get_object_or_404(
        staff_questions.of_course(course).select_related("turn__conversation__course"), pk=question
    )
    text = request.POST.get("reply", "").replace("\0", "").strip()
    if not text or len(text) > 10_000:
        messages.error(request, "Write a reply of at most 10,000 characters.")
    elif staff_questions.reply(row, text, person(request), publish="publish" in request.POST):
        messages.success(request, "The student has your reply.")
    else:
        messages.warning(request, "Somebody else has replied already.")
    return redirect("chat:inbox", course.slug)


@require_GET
def replies(request: HttpRequest, slug: str) -> HttpResponse:
    """What the staff replied to the caller."""
    course = access.course_for(request, slug)
    found = list(staff_questions.replies_for(person(request), course))
    StaffQuestion.objects.filter(pk__in=[row.pk for row in found]).update(seen_by_student=True)
    return render(request, "chat/replies.html", {"replies": found})
