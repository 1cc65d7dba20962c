"""One material as those who teach see it: its passages beside the original, its pictures, its transcript to correct."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from courses import access
from courses.models import Extract, Material, place
from courses.readers import UnreadableFile, kind_of
from courses.removal import versions
from courses.transcripts import EditRefused, edit_cue
from courses.uploads import clean_name
from courses.views.materials import stages, time_left, wants_json
from tutor.accounts.audit import note
from tutor.jobs import State

PASSAGES_A_PAGE = 60
CUES_A_PAGE = 150
SHOWN = ("passages", "transcript", "pictures")


@require_GET
def material(request: HttpRequest, slug: str, material: uuid.UUID) -> HttpResponse:
    """What was made of the material, beside the original."""
    found = access.material_taught(request, slug, material)
    extract = Extract.objects.filter(material=found).first()
    blocks: list[dict[str, Any]] = extract.blocks if extract else []
    pictures = [block for block in blocks if block["data"].get("asset")]
    cues = [(number, block) for number, block in enumerate(blocks) if block["kind"] == "cue"]
    show = request.GET.get("show", "")
    show = show if show in SHOWN else "passages"
    context: dict[str, Any] = {
        "material": found,
        "show": show,
        "stages": stages(found),
        "time_left": time_left(found.eta_seconds),
        "passage_count": found.passages.count(),
        "cue_count": len(cues),
        "picture_count": len(pictures),
        "versions": versions(found),
        "section": "materials",
    }
    text = extract.text if extract else ""
    if show == "passages":
        rows = found.passages.prefetch_related("propositions")
        context["page"] = Paginator(rows, PASSAGES_A_PAGE).get_page(request.GET.get("page"))
    elif show == "transcript":
        page = Paginator(cues, CUES_A_PAGE).get_page(request.GET.get("page"))
        context |= {"page": page, "cues": [cue_row(number, block, text) for number, block in page]}
    else:
        context["pictures"] = [picture_row(found, block, text) for block in pictures]
    return render(request, "courses/material.html", context)


def cue_row(number: int, block: dict[str, Any], text: str) -> dict[str, Any]:
    """A line of a transcript for the page."""
    anchor = block["anchor"]
    return {
        "number": number,
        "time": place(anchor, []),
        "start": block["start"],
        "end": block["end"],
        "text": text[block["start"] : block["end"]],
    }


def picture_row(material: Material, block: dict[str, Any], text: str) -> dict[str, Any]:
    """A picture that was taken out of the material, with what was read from it or beside it."""
    return {
        "url": reverse("courses:asset", args=[material.course.slug, material.uuid, block["data"]["asset"]]),
        "text": text[block["start"] : block["end"]],
        "place": place(block["anchor"], []),
        "source": material.source_url(start=block["start"], end=block["end"]),
    }


@require_POST
def cue(request: HttpRequest, slug: str, material: uuid.UUID, cue: int) -> HttpResponse:
    """Correct one line of a transcript. The passages it is part of are made anew."""
    found = access.material_taught(request, slug, material)
    text = cue_text(request)
    if not text:
        return refuse(request, found, "A line cannot be empty. Write what was said, or “[inaudible]”.")
    try:
        edit_cue(found, cue, text)
    except LookupError:
        raise Http404 from None
    except EditRefused as error:
        return refuse(request, found, str(error))
    note(request, "transcript.edited", found.title, course_id=found.course_id, cue=cue)
    if wants_json(request):
        return JsonResponse({"text": text})
    return redirect(f"{found.get_absolute_url()}?show=transcript&page={cue // CUES_A_PAGE + 1}#cue-{cue}")


@require_POST
def captions(request: HttpRequest, slug: str, material: uuid.UUID) -> HttpResponse:
    """Take a captions file for a recording and read the recording's words from it."""
    found = access.material_taught(request, slug, material)
    upload = request.FILES.get("captions")
    try:
        if found.kind != "media" or found.state in (State.QUEUED, State.RUNNING):
            raise EditRefused("Captions can be given to a recording that is not being read right now.")
        if not isinstance(upload, TemporaryUploadedFile) or not upload.size:
            raise EditRefused("Choose a captions file (.vtt or .srt) that is not empty.")
        if kind_of(Path(upload.temporary_file_path()), clean_name(upload.name or "")) not in ("vtt", "srt"):
            raise EditRefused(
                "This is not a captions file. Save the captions as WebVTT (.vtt) or SubRip (.srt)."
            )
    except (EditRefused, UnreadableFile) as error:
        messages.error(request, str(error))
        return redirect(f"{found.get_absolute_url()}?show=transcript")
    old = found.captions.name
    with transaction.atomic():
        found.captions.save(clean_name(upload.name or ""), upload)
        found.queue()
        if old and old != found.captions.name:
            transaction.on_commit(lambda: found.captions.storage.delete(old))
    note(request, "transcript.captioned", found.title, course_id=found.course_id)
    messages.success(request, "The words are being taken from the captions.")
    return redirect(found)


def cue_text(request: HttpRequest) -> str:
    """The corrected words, on one line, from a form or from JSON."""
    if request.content_type == "application/json":
        try:
            data = json.loads(request.body)
        except ValueError:
            return ""
        given = data.get("text") if isinstance(data, dict) else None
    else:
        given = request.POST.get("text")
    return " ".join(given.split())[:5000] if isinstance(given, str) else ""


def refuse(request: HttpRequest, material: Material, error: str) -> HttpResponse:
    """Say why the line was not saved."""
    if wants_json(request):
        return JsonResponse({"error": error}, status=422)
    messages.error(request, error)
    return redirect(f"{material.get_absolute_url()}?show=transcript")
