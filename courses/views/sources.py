"""Opening a source: the viewer's page and data, the original file by ranges, the pictures taken out of it."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from typing import IO, Any

from django.db.models.fields.files import FieldFile
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header, http_date
from django.views.decorators.http import require_GET, require_safe

from courses import access
from courses.anchors import anchor_of
from courses.models import Extract, Material, Passage, place

CONTENT_TYPES = {
    "pdf": "application/pdf",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "markdown": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "latex": "text/plain; charset=utf-8",
    "cnxml": "text/plain; charset=utf-8",
    "notebook": "application/json",
    "text": "text/plain; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "srt": "text/plain; charset=utf-8",
}
MEDIA_TYPES = {
    ".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".aac": "audio/aac", ".wav": "audio/wav", ".ogg": "audio/ogg",
    ".oga": "audio/ogg", ".opus": "audio/ogg", ".flac": "audio/flac", ".mp4": "video/mp4", ".m4v": "video/mp4",
    ".mov": "video/quicktime", ".webm": "video/webm", ".mkv": "video/x-matroska",
}  # fmt: skip
PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
}
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self'"
BLOCK = 256 * 1024


@require_GET
def source(request: HttpRequest, slug: str, material: uuid.UUID) -> HttpResponse:
    """The full-page viewer of one material."""
    row = access.source_for(request, slug, material)
    return render(request, "courses/source.html", {"material": row, "version_note": version_note(row)})


@require_GET
def source_data(request: HttpRequest, slug: str, material: uuid.UUID) -> JsonResponse:
    """What the viewer shows, with the passage `p` and the characters `s`–`e` to be marked."""
    row = access.source_for(request, slug, material)
    extract = Extract.objects.filter(material=row).first()
    text = extract.text if extract else ""
    blocks: list[dict[str, Any]] = extract.blocks if extract else []
    passage = row.passages.filter(pk=number(request, "p")).first()
    mark = marked(request, passage, len(text))
    anchor = anchor_at(text, blocks, mark, passage)
    return JsonResponse(
        {
            "title": row.title,
            "kind": row.kind,
            "filename": row.filename,
            "content_type": content_type(row).partition(";")[0],
            "file_url": reverse("courses:file", args=[slug, row.uuid]),
            "asset_url": reverse("courses:asset", args=[slug, row.uuid, "-"])[:-1],
            "text": text,
            "blocks": blocks,
            "meta": row.meta,
            "passage": passage
            and {"id": passage.pk, "start": passage.start, "end": passage.end, "anchor": passage.anchor},
            "mark": mark and {"start": mark[0], "end": mark[1]},
            "anchor": anchor,
            "label": place(anchor, passage.heading_path if passage else []),
            "version_note": version_note(row),
        }
    )


def number(request: HttpRequest, name: str) -> int:
    """A whole number from the query; -1 where there is none."""
    value = request.GET.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else -1


def marked(request: HttpRequest, passage: Passage | None, length: int) -> tuple[int, int] | None:
    """The characters to mark: as asked, else the whole passage, else none."""
    start, end = number(request, "s"), number(request, "e")
    if 0 <= start < end <= length:
        return start, end
    return (passage.start, passage.end) if passage else None


def anchor_at(
    text: str, blocks: list[dict[str, Any]], mark: tuple[int, int] | None, passage: Passage | None
) -> dict[str, Any]:
    """Where the marked characters stand, to the second and the line, which is finer than the passage's anchor."""
    found = passage.anchor if passage else {}
    return {**found, **anchor_of(text, blocks, *mark)} if mark else found


def version_note(material: Material) -> str:
    """A line for whoever follows a citation into a version that is no longer in use."""
    if not material.superseded:
        return ""
    return (
        f"This is version {material.version}, from which the answer was given. A newer version is in use now."
    )


def content_type(material: Material) -> str:
    """What the browser is told the original is. Never sniffed: taken from the kind that was found by reading it."""
    if material.kind == "media":
        ending = "." + material.filename.rsplit(".", 1)[-1].lower()
        return MEDIA_TYPES.get(ending, "application/octet-stream")
    return CONTENT_TYPES.get(material.kind, "application/octet-stream")


@require_safe
def file(request: HttpRequest, slug: str, material: uuid.UUID) -> HttpResponseBase:
    """The original file, whole or by range. It runs nothing, whatever it holds."""
    row = access.source_for(request, slug, material)
    name = row.file.name or ""
    if not name or not row.file.storage.exists(name):
        raise Http404("The original of this material is missing from the file storage.")
    response = ranged(request, row.file, f'"{row.sha256 or row.uuid}"')
    response["Content-Type"] = content_type(row)
    disposition = content_disposition_header("download" in request.GET, row.filename)
    response["Content-Disposition"] = disposition or "inline"
    response["Content-Security-Policy"] = SANDBOX
    response["Last-Modified"] = http_date(row.created.timestamp())
    return response


def ranged(request: HttpRequest, file: FieldFile, etag: str) -> HttpResponseBase:
    """The file as a response: 200, 206 for one satisfiable range, 416 for one beyond the end, 304 if unchanged."""
    headers = {"Accept-Ranges": "bytes", "ETag": etag, "Cache-Control": "private, max-age=3600"}
    headers["X-Content-Type-Options"] = "nosniff"
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers=headers)
    size = file.size
    start, end, status = 0, size - 1, 200
    wanted = re.fullmatch(r"bytes=(\d{0,15})-(\d{0,15})", request.headers.get("Range", ""))
    condition = request.headers.get("If-Range", etag)
    if wanted and any(wanted.groups()) and condition == etag:
        first, last = wanted.groups()
        start = int(first) if first else max(size - int(last), 0)
        end = min(int(last), size - 1) if first and last else size - 1
        if start >= size or start > end:
            return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
        status = 206
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    headers["Content-Length"] = str(end - start + 1)
    if request.method == "HEAD" or size == 0:
        return HttpResponse(status=status, headers=headers)
    return StreamingHttpResponse(pieces(file, start, end - start + 1), status=status, headers=headers)


def opened(file: FieldFile, start: int, length: int) -> IO[bytes]:
    """A stream whose next `length` bytes are the file's from `start`."""
    bucket = getattr(file.storage, "bucket", None)
    if (
        bucket is not None
    ):  # object storage: opened as a file, it would fetch all of a film for each of its seconds
        wanted = f"bytes={start}-{start + length - 1}"
        body: IO[bytes] = bucket.Object(file.name).get(Range=wanted)["Body"]
        return body
    stream: IO[bytes] = file.storage.open(str(file.name))
    stream.seek(start)
    return stream


async def pieces(file: FieldFile, start: int, length: int) -> AsyncIterator[bytes]:
    """`length` bytes of the file from `start`, read in a thread so that the event loop stays free."""
    stream = await asyncio.to_thread(opened, file, start, length)
    try:
        while length > 0:
            piece = await asyncio.to_thread(stream.read, min(BLOCK, length))
            if not piece:
                return
            length -= len(piece)
            yield piece
    finally:
        stream.close()


@require_safe
def asset(request: HttpRequest, slug: str, material: uuid.UUID, name: str) -> HttpResponse:
    """A picture that the reader took out of the material."""
    row = access.source_for(request, slug, material)
    kind = PICTURES.get("." + name.rsplit(".", 1)[-1].lower())
    if kind is None or not re.fullmatch(r"[\w-][\w.-]*", name) or name.startswith("original."):
        raise Http404
    try:
        response = HttpResponse(row.picture(name), content_type=kind)
    except FileNotFoundError as error:
        raise Http404 from error
    response["Content-Security-Policy"] = SANDBOX
    response["Cache-Control"] = "private, max-age=86400"
    return response
