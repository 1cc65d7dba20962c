"""Bringing a lesson: upload, columns, speakers, the transcript's editor."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.urls import path
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from coach import access, bringing, correcting
from coach.exporting import FORMATS
from coach.forms import ACCEPT, LessonForm
from coach.models import NameMap, Observation, Report, Speaker, UtteranceRow
from coach.readers.said import UnreadableTranscript, in_words
from coach.talk import Voice
from courses.uploads import UploadRefused
from courses.views.materials import time_left, wants_json
from courses.views.sources import MEDIA_TYPES, SANDBOX, ranged
from tutor.accounts.audit import note
from tutor.accounts.models import User
from tutor.jobs import State

CHANGED = "The transcript was changed elsewhere meanwhile. Reload the page, then go on."
REFUSALS = (bringing.BringingRefused, UnreadableTranscript, UploadRefused)
STAGES = {"read": "Read", "transcribe": "Write down", "names": "Take names out"}
VOICES = {
    Voice.TEACHER: "Teacher",
    Voice.STUDENT: "Student",
    Voice.GROUP: "Several students",
    Voice.OTHER: "Somebody else",
}
COLUMNS = {
    "speaker": "Who speaks",
    "text": "What was said",
    "start": "When it starts",
    "end": "When it ends",
    "student": "What the student said",
    "teacher": "What the teacher said",
}


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # login_required
    return request.user


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def new(request: HttpRequest) -> HttpResponse:
    """Bring a lesson: a file or pasted words, what it was, and the agreement of those who can be heard."""
    person = _person(request)
    if not access.may_bring(person):
        raise Http404
    form = LessonForm(person, request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            row = bringing.bring(person, form.teacher(), form.upload(), form.brought())
        except REFUSALS as refusal:
            form.add_error("file" if form.cleaned_data["file"] else "text", str(refusal))
        else:
            note(request, "observation.brought", row.uuid, kind=row.kind, purpose=row.purpose)
            if wants_json(request):
                return JsonResponse({"url": row.get_absolute_url()})
            return redirect(row)
    if request.method == "POST" and wants_json(request):
        return JsonResponse({"errors": form.errors}, status=422)
    return render(
        request,
        "coach/bring_new.html",
        {"form": form, "upload_limit": settings.UPLOAD_MAX_BYTES},
        status=422 if form.errors else 200,
    )


@require_GET
@login_required
def observation(request: HttpRequest, observation: uuid.UUID) -> HttpResponse:
    """The lesson: how far its reading is, why it failed, or its transcript to look through and correct."""
    row = access.observation_of(request.user, observation)
    if row.state == State.DONE and row.step == Observation.Step.COLUMNS:
        return redirect("coach:columns", row.uuid)
    context: dict[str, Any] = {"observation": row, "is_teacher": row.teacher_id == request.user.pk}
    if row.state in (State.QUEUED, State.RUNNING):
        return render(request, "coach/bring_waiting.html", {**context, "stages": _stages(row)})
    if row.state != State.DONE:
        return render(
            request,
            "coach/bring_failed.html",
            {**context, "accept": ACCEPT, "limit": filesizeformat(settings.UPLOAD_MAX_BYTES)},
        )
    speakers = list(_speakers(row))
    context |= {
        "speakers": speakers,
        "lines": list(row.utterances.select_related("speaker")),
        "voices": [(voice.value, words) for voice, words in VOICES.items()],
        "confirmed": row.step == Observation.Step.READY,
        "report": Report.objects.filter(observation=row).first(),
        "recording": _recording(row),
        "may_delete": access.may_remove(request.user, row),
        "closed": access.closed_to(request.user, row),
        "readonly": access.closed_to(request.user, row, words=True),
        "names": NameMap.objects.filter(observation=row).exists(),
        "editor": {
            "revision": row.revision,
            "speakers": [_speaker_json(speaker) for speaker in speakers],
            "voices": {voice.value: words for voice, words in VOICES.items()},
        },
    }
    return render(request, "coach/bring_observation.html", context)


def _stages(row: Observation) -> list[tuple[str, str]]:
    names = ["transcribe" if row.kind == "media" else "read", "names"]
    at = names.index(row.stage) if row.stage in names else -1
    states = [
        "done" if number < at else "current" if number == at else "todo" for number in range(len(names))
    ]
    return [(STAGES[name], state) for name, state in zip(names, states, strict=True)]


def _speakers(row: Observation) -> list[Speaker]:
    """The lesson's speakers with how many lines each has and what each said first."""
    speakers: list[Speaker] = list(row.speakers.annotate(line_count=Count("utterances")))
    for speaker in speakers:
        lines = speaker.utterances.order_by("line")[:2]
        speaker.examples = [line.text[:120] for line in lines]  # type: ignore[attr-defined]
    return speakers


def _recording(row: Observation) -> str:
    """ "audio" or "video" where the recording was kept and a browser may play it, else nothing."""
    if not row.keep_recording or not row.file:
        return ""
    return MEDIA_TYPES.get(_ending(row), "").partition("/")[0]


def _ending(row: Observation) -> str:
    return "." + (row.file.name or "").rsplit(".", 1)[-1].lower()


@require_GET
@login_required
def status(request: HttpRequest, observation: uuid.UUID) -> JsonResponse:
    """How far the reading is, for the page that waits."""
    row = access.observation_of(request.user, observation)
    return JsonResponse(
        {
            "working": row.state in (State.QUEUED, State.RUNNING),
            "progress": round(row.progress, 4),
            "stages": [state for _, state in _stages(row)],
            "time_left": time_left(row.eta_seconds) if row.state == State.RUNNING else "",
        }
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def columns(request: HttpRequest, observation: uuid.UUID) -> HttpResponse:
    """Which column of a table holds what: proposed, shown on its first rows, confirmed by a person."""
    row = access.observation_of(request.user, observation)
    if row.step != Observation.Step.COLUMNS or row.state != State.DONE:
        return redirect(row)
    chosen = {key: request.POST[key] for key in COLUMNS if request.POST.get(key)} or None
    error = ""
    try:
        if request.method == "POST" and "preview" not in request.POST:
            bringing.name_columns(row, chosen or {})
            return redirect(row)
    except UnreadableTranscript as refusal:
        error = str(refusal)
    try:
        shown = bringing.head(row, chosen)
    except UnreadableTranscript:
        return redirect(row)  # which says why
    paired = "student" in shown["columns"] and "teacher" in shown["columns"]
    roles = {name: COLUMNS[key] for key, name in shown["columns"].items()}
    return render(
        request,
        "coach/bring_columns.html",
        {
            "observation": row,
            "table": shown,
            "heads": [(name, roles.get(name, "")) for name in shown["names"]],
            "rows": [
                (shown["times"][n] if n < len(shown["times"]) else "", cells)
                for n, cells in enumerate(shown["rows"])
            ],
            "timed": any(shown["times"]),
            "fields": [
                (key, words, shown["columns"].get(key, ""), key in ("speaker", "text") and not paired)
                for key, words in COLUMNS.items()
                if (key in ("student", "teacher")) <= paired and (key in ("speaker", "text")) <= (not paired)
            ],
            "error": error,
        },
        status=422 if error else 200,
    )


@require_POST
@login_required
def speakers(request: HttpRequest, observation: uuid.UUID) -> HttpResponse:
    """Take the person's word on who is who."""
    row = access.observation_of(request.user, observation)
    if closed := access.closed_to(request.user, row):
        messages.error(request, closed)
        return redirect(row)
    voices = {
        int(name.removeprefix("voice-")): str(value)
        for name, value in request.POST.items()
        if name.startswith("voice-")
        and name.removeprefix("voice-").isascii()
        and name.removeprefix("voice-").isdigit()
    }
    try:
        bringing.confirm_speakers(row, voices)
    except (bringing.BringingRefused, correcting.CorrectionRefused) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(
            request, "The speakers are confirmed. Make the report, or correct the transcript first."
        )
    return redirect(row)


@require_POST
@login_required
def correct(request: HttpRequest, observation: uuid.UUID) -> JsonResponse:
    """One correction of the transcript: {"act", "revision", …}; the answer has what the page shows anew."""
    row = access.observation_of(request.user, observation)
    try:
        given = json.loads(request.body)
        act = correcting.ACTS[given.pop("act")]
        revision = int(given.pop("revision"))
        values = {name: value for name, value in given.items() if isinstance(value, str | int)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return JsonResponse({"error": "This is not known any more. Reload the page."}, status=400)
    try:
        with transaction.atomic():
            if not Observation.objects.select_for_update().filter(pk=row.pk, revision=revision).exists():
                return JsonResponse({"error": CHANGED}, status=409)
            if closed := access.closed_to(request.user, row, words=act is correcting.write):
                return JsonResponse({"error": closed}, status=422)
            act(row, **values)
    except correcting.CorrectionRefused as refusal:
        return JsonResponse({"error": str(refusal)}, status=422)
    except (TypeError, ValueError):
        return JsonResponse({"error": "This is not known any more. Reload the page."}, status=400)
    whole = act not in (correcting.write, correcting.assign)
    lines = row.utterances.select_related("speaker")
    if not whole:
        lines = lines.filter(pk=values["line"])
    return JsonResponse(
        {
            "revision": row.revision,
            "whole": whole,
            "lines": [_line_json(line) for line in lines],
            "speakers": [_speaker_json(speaker) for speaker in _speakers(row)],
        }
    )


def _line_json(line: UtteranceRow) -> dict[str, Any]:
    return {
        "id": line.pk,
        "line": line.line,
        "speaker": line.speaker_id,
        "text": line.text,
        "start": line.start,
        "time": in_words(line.start),
    }


def _speaker_json(speaker: Speaker) -> dict[str, Any]:
    count: int = getattr(speaker, "line_count", 0)
    return {"id": speaker.pk, "label": speaker.label, "voice": speaker.voice, "lines": count}


@require_safe
@login_required
def listen(request: HttpRequest, observation: uuid.UUID) -> HttpResponseBase:
    """The kept recording, whole or by range, for whoever may correct the transcript."""
    row = access.observation_of(request.user, observation)
    if not _recording(row) or not row.file.storage.exists(str(row.file.name)):
        raise Http404("The recording was not kept.")
    response = ranged(request, row.file, f'"{row.uuid}"')
    response["Content-Type"] = MEDIA_TYPES[_ending(row)]
    response["Content-Security-Policy"] = SANDBOX
    response["Cache-Control"] = "private, no-store"  # voices of minors stay in no browser's cache
    return response


@require_GET
@login_required
def download(request: HttpRequest, observation: uuid.UUID, ending: str) -> HttpResponse:
    """The transcript as a file, under its labels."""
    row = access.observation_of(request.user, observation)
    if ending not in FORMATS or not row.utterances.exists():
        raise Http404
    kind, write = FORMATS[ending]
    response = HttpResponse(write(row.transcript()), content_type=kind)
    name = f"transcript-{row.taught_on:%Y-%m-%d}.{ending}"
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def names(request: HttpRequest, observation: uuid.UUID) -> HttpResponse:
    """Who is behind the labels, for the teacher alone; and forgetting it."""
    row = access.own_observation(request.user, observation)
    if request.method == "POST":
        try:
            bringing.forget_names(row)
        except bringing.BringingRefused as refusal:
            messages.error(request, str(refusal))
            return redirect(row)
        note(request, "observation.names_forgotten", row.uuid)
        messages.success(
            request, "The names are forgotten. Nobody can tell any more who is behind the labels."
        )
        return redirect(row)
    held = NameMap.objects.filter(observation=row).first()
    known = held.known() if held else {}
    pairs = sorted((known or {}).items(), key=lambda pair: (pair[1], pair[0]))
    context = {"observation": row, "pairs": pairs, "held": held, "lost": known is None}
    response = render(request, "coach/bring_names.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@login_required
def again(request: HttpRequest, observation: uuid.UUID) -> HttpResponse:
    """Another file for a lesson whose first one could not be read."""
    row = access.observation_of(request.user, observation)
    file = request.FILES.get("file")
    try:
        if file is None:
            raise bringing.BringingRefused("Choose a file first.")
        bringing.bring_again(row, file)
    except REFUSALS as refusal:
        messages.error(request, str(refusal))
    return redirect(row)


@require_POST
@login_required
def delete(request: HttpRequest, observation: uuid.UUID) -> HttpResponse:
    """Delete a lesson with everything that was made of it. Who brought it for a teacher cannot take the report away."""
    row = access.removable_observation(request.user, observation)
    bringing.remove(row)
    note(request, "observation.deleted", observation)
    messages.success(request, "The lesson is deleted, with its transcript, its names and its report.")
    return redirect("coach:home")


urls = [
    path("new/", new, name="new"),
    path("<uuid:observation>/", observation, name="observation"),
    path("<uuid:observation>/status/", status, name="status"),
    path("<uuid:observation>/columns/", columns, name="columns"),
    path("<uuid:observation>/speakers/", speakers, name="speakers"),
    path("<uuid:observation>/correct/", correct, name="correct"),
    path("<uuid:observation>/listen/", listen, name="listen"),
    path("<uuid:observation>/names/", names, name="names"),
    path("<uuid:observation>/again/", again, name="again"),
    path("<uuid:observation>/delete/", delete, name="delete"),
    path("<uuid:observation>/transcript.<slug:ending>", download, name="download"),
]
