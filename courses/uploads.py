"""Files on their way in: written to disk once, hashed and measured while they are written, checked, then queued."""

from __future__ import annotations

import hashlib
import logging
import re
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.db import transaction
from django.db.models import Max
from django.template.defaultfilters import filesizeformat
from django.utils.text import get_valid_filename

from courses.models import Course, Material, upload_path
from courses.readers import kind_of
from courses.removal import files_of, remove_version
from tutor.accounts.models import User
from tutor.jobs import State

logger = logging.getLogger(__name__)

NO_ROOM = (
    "“{}” could not be stored, and nothing of it was kept. The server may have no room left: tell its administrator, "
    "and upload the file again later."
)


class UploadRefused(Exception):
    """The file was not taken. The message tells the person why and what to do."""


class AlreadyThere(UploadRefused):
    """The course holds the very same file; `material` is it."""

    def __init__(self, material: Material) -> None:
        more = "Retry it there." if material.state in (State.FAILED, State.STOPPED) else "Nothing was added."
        super().__init__(f"The same file is already here as “{material.title}”. {more}")
        self.material = material


class HashedFile(TemporaryUploadedFile):
    """An uploaded file on disk, with its SHA-256. `too_big` and `broken` files were cut off and must not be used."""

    sha256 = ""
    too_big = False
    broken = False  # the disk took no more


class HashingUploadHandler(FileUploadHandler):
    """Every upload goes to disk, never to memory, and no further than UPLOAD_MAX_BYTES."""

    chunk_size = 1024 * 1024

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.file: HashedFile = HashedFile(
            self.file_name or "", self.content_type or "", 0, self.charset, self.content_type_extra
        )
        self.digest = hashlib.sha256()
        self.written = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        self.written += len(raw_data)
        if self.written > settings.UPLOAD_MAX_BYTES:
            self.file.too_big = True
        elif not self.file.broken:
            try:
                self.file.write(raw_data)
            except OSError:
                logger.exception("An upload could not be written to %s", settings.FILE_UPLOAD_TEMP_DIR)
                self.file.broken = True
            self.digest.update(raw_data)
        return None

    def file_complete(self, file_size: int) -> UploadedFile[bytes]:
        try:
            self.file.seek(0)  # writes what was buffered
        except OSError:
            self.file.broken = True
        self.file.size = file_size
        self.file.sha256 = self.digest.hexdigest()
        return self.file

    def upload_interrupted(self) -> None:
        if hasattr(self, "file"):
            self.file.close()


def clean_name(name: str) -> str:
    """A file name fit to show and to store: no folders, no control characters, at most 200 characters."""
    name = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    name = "".join(char for char in name if unicodedata.category(char)[0] != "C").strip(" .")
    path = Path(name or "file")
    return path.stem[: 200 - len(path.suffix[:12])] + path.suffix[:12]


def title_of(filename: str) -> str:
    """A first title: the file's name without its ending and without underscores."""
    return re.sub(r"[_\s]+", " ", Path(filename).stem).strip() or filename


def receive(
    course: Course,
    user: User | None,
    upload: UploadedFile[bytes],
    *,
    replaces: Material | None = None,
    hidden: bool = False,
    answer_key: bool = False,
) -> Material:
    """Take an uploaded file into the course and queue its reading; as a new version where it `replaces` one.

    Raises UploadRefused or courses.readers.UnreadableFile, and then leaves nothing behind.
    """
    assert isinstance(upload, HashedFile)
    filename = clean_name(upload.name or "")
    if upload.too_big:
        limit = filesizeformat(settings.UPLOAD_MAX_BYTES)
        raise UploadRefused(
            f"“{filename}” is larger than {limit}. Split it, or ask the administrator for a higher limit."
        )
    if upload.broken:
        raise UploadRefused(NO_ROOM.format(filename))
    if not upload.size:
        raise UploadRefused(f"“{filename}” is empty. Check that it was saved, then upload it again.")
    kind = kind_of(Path(upload.temporary_file_path()), filename)
    twin = course.materials.current().filter(sha256=upload.sha256).first()
    if twin is not None:
        raise AlreadyThere(twin)
    material = Material(
        course=course,
        title=title_of(filename)[:200],
        filename=filename,
        kind=kind,
        size=upload.size,
        sha256=upload.sha256,
        uploaded_by=user,
        hidden=hidden,
        answer_key=answer_key,
        position=(course.materials.aggregate(last=Max("position"))["last"] or 0) + 1,
    )
    name = get_valid_filename(filename) if filename.isascii() else f"file{Path(filename).suffix}"
    try:
        material.file.save(name, upload, save=False)
    except Exception as error:  # a disk that is full, an object storage that is away
        logger.exception("An upload could not be stored")
        material.file.name = upload_path(material, name)  # a part of it may be there
        files_of(material)()
        raise UploadRefused(NO_ROOM.format(filename)) from error
    try:
        with transaction.atomic():
            if replaces is not None:
                _take_place_of(replaces, material)
            material.save()
            material.queue()
    except BaseException:
        files_of(material)()
        raise
    return material


def _take_place_of(old: Material, new: Material) -> None:
    """Make `new` the next version of `old`. The old one stays in use until the new one has been read."""
    pending = Material.objects.filter(replaces=old).first()
    if old.superseded or (pending is not None and pending.state in (State.QUEUED, State.RUNNING)):
        raise UploadRefused(
            "A newer version of this material is here or on its way. Reload the page and replace that one."
        )
    if pending is not None:
        remove_version(pending)
    new.replaces = old
    new.version = old.version + 1
    for field in ("title", "position", "hidden", "answer_key", "release_at"):
        setattr(new, field, getattr(old, field))


Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class BodyLimit:
    """ASGI wrapper: bodies that are too large are refused before they fill the disk.

    The web server's request body is spooled to disk before any view runs, so the limit has to stand here: the upload
    limit on the pages that take files, a few megabytes elsewhere.
    """

    UPLOAD_PAGES = re.compile(r"/c/[^/]+/(materials|people)/|/coach/([^/]+/)?(new|again|calibration)/")

    def __init__(self, application: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413 where the body is, or turns out to be, larger than it may be."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if self.UPLOAD_PAGES.match(scope["path"]):
            limit += settings.UPLOAD_MAX_BYTES
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > limit:
            await self._refuse(send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return {"type": "http.disconnect"} if received > limit else message

        await self.application(scope, counted, send)

    @staticmethod
    async def _refuse(send: Send) -> None:
        limit = filesizeformat(settings.UPLOAD_MAX_BYTES)
        body = (
            f'{{"error": "That is larger than {limit}, the most this site takes. Split the file."}}'.encode()
        )
        headers = [(b"content-type", b"application/json; charset=utf-8"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body})
