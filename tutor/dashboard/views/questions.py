"""What students ask, for those who teach; and setting an answer right."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from courses import access
from courses.answers import publish_answer
from tutor.accounts.audit import note
from tutor.accounts.views import own
from tutor.chat.models import Message, Turn
from tutor.chat.staff_questions import correct
from tutor.dashboard.questions import MOST, asked, grouped

PERIODS = (("7", "7 days"), ("30", "30 days"), ("120", "a term"), ("", "all time"))
LISTED = 200


@require_GET
def questions(request: HttpRequest, slug: str) -> HttpResponse:
    """Groups of like questions, and those the agent could not answer."""
    course = access.course_taught(request, slug)
    period = request.GET.get("period", "30")
    since = timezone.now() - timedelta(days=int(period)) if period in ("7", "30", "120") else None
    turns = list(asked(course, since)[:MOST])
    return render(
        request,
        "dashboard/questions.html",
        {
            "periods": PERIODS,
            "period": period if since else "",
            "show": "unanswered" if request.GET.get("show") == "unanswered" else "groups",
            "groups": grouped(turns),
            "asked": len(turns),
            "cut_off": len(turns) == MOST,
            "unanswered": [turn for turn in turns if turn.abstained][:LISTED],
            "down": [turn for turn in turns if turn.down],  # type: ignore[attr-defined]
            "section": "questions",
        },
    )


@require_GET
def turn(request: HttpRequest, slug: str, turn: uuid.UUID) -> HttpResponse:
    """One question with its answer, what it rests on, and a place to set it right."""
    course = access.course_taught(request, slug)
    found = get_object_or_404(Turn, uuid=turn, conversation__course=course)
    said = list(found.messages.prefetch_related("citations__material", "citations__passage"))
    answer = next((message for message in reversed(said) if message.author == Message.Author.AGENT), None)
    return render(
        request,
        "dashboard/turn.html",
        {
            "turn": found,
            "answer": answer,
            "sentences": sentences(answer) if answer else [],
            "staff_replies": [message for message in said if message.author == Message.Author.STAFF],
            "feedback": found.feedback.all(),
            "section": "questions",
        },
    )


def sentences(answer: Message) -> list[dict[str, object]]:
    """The answer sentence by sentence, each with its verdict and citations."""
    citations = list(answer.citations.all())
    rows: list[dict[str, object]] = []
    for number, sentence in enumerate(answer.sentences):
        rows.append(
            {
                "text": answer.text[sentence["start"] : sentence["end"]],
                "verdict": sentence.get("verdict", ""),
                "citations": [
                    citation
                    for citation in citations
                    if citation.sentence == sentence.get("sentence", number)
                ],
            }
        )
    return rows


@require_POST
def set_right(request: HttpRequest, slug: str, turn: uuid.UUID) -> HttpResponse:
    """Put a better answer in, or pin the answer as it stands. Either way it counts as material from now on."""
    course = access.course_taught(request, slug)
    found = get_object_or_404(Turn, uuid=turn, conversation__course=course)
    text = request.POST.get("text", "").strip()
    if not text:
        messages.error(request, "Write the answer first.")
    elif request.POST.get("action") == "pin":
        publish_answer(course, found.question, text, own(request))
        note(request, "answer.pinned", found.question, course_id=course.pk, turn=str(found.uuid))
        messages.success(
            request, "Pinned. It is material now and comes before the rest for whoever asks this."
        )
    else:
        correct(found, text, own(request))
        note(request, "answer.corrected", found.question, course_id=course.pk, turn=str(found.uuid))
        messages.success(request, "Corrected. The student sees it under the answer, and it is material now.")
    return redirect("dashboard:turn", slug, found.uuid)
