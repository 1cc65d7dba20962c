"""What a classroom's page does: one endpoint, JSON in and out."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from courses import access
from tutor.chat.views import BadBody, body_of, person, refuse
from tutor.classrooms import rooms
from tutor.classrooms.models import Classroom


@require_POST
def act(request: HttpRequest, slug: str, classroom: uuid.UUID) -> JsonResponse:
    """Do what the body says: {"do": "speak", "text": …} and so on."""
    course = access.course_for(request, slug)
    user = person(request)
    rows = Classroom.objects.open_to(user, course).select_related("course", "conversation", "lesson", "page")
    room = get_object_or_404(rows, uuid=classroom)
    try:
        rooms.act(room, user, body_of(request))
    except BadBody:
        return refuse("The request was not understood. Reload the page.")
    except rooms.Refused as error:
        return refuse(str(error), 409)
    return JsonResponse({"ok": True})
