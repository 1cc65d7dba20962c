"""Files coming in: what is taken, what is refused in words, and that a refusal leaves nothing behind."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import resource
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from courses.models import Material
from courses.removal import remove, versions
from courses.uploads import BodyLimit, clean_name, title_of
from tests import make
from tests.courses.conftest import Cast
from tutor.accounts.models import AuditEntry
from tutor.jobs import State

NOTES = b"# Errors\n\nThe standard error falls with the square root of n.\n"


@pytest.fixture(autouse=True)
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[Material]:
    """The materials put on the queue: reading them is tested elsewhere."""
    found: list[Material] = []
    monkeypatch.setattr(Material, "enqueue", lambda self: found.append(self))
    return found


def stored_files() -> set[Path]:
    """Everything in the file storage."""
    return {path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()}


def upload(cast: Cast, content: bytes, name: str = "notes.md", who: str = "instructor") -> Any:
    """One file, sent as the page's script sends it."""
    return cast.client(who).post(
        reverse("courses:upload", args=["signals"]),
        {"files": SimpleUploadedFile(name, content)},
        headers={"Accept": "application/json"},
    )


class TestTaking:
    def test_a_file_becomes_a_queued_material(
        self, cast: Cast, enqueued: list[Material], django_capture_on_commit_callbacks: Any
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            answer = upload(cast, NOTES, "Lecture_1_errors.md")
        assert answer.status_code == 200
        material = Material.objects.get(uuid=answer.json()["uuid"])
        assert (material.title, material.kind, material.state) == (
            "Lecture 1 errors",
            "markdown",
            State.QUEUED,
        )
        assert material.sha256 == hashlib.sha256(NOTES).hexdigest()
        assert material.size == len(NOTES)
        assert material.file.read() == NOTES
        assert material.uploaded_by == cast.instructor
        assert enqueued == [material]
        assert AuditEntry.objects.get(action="material.uploaded").course_id == cast.course.pk

    def test_many_files_in_a_plain_form(self, cast: Cast) -> None:
        url = reverse("courses:upload", args=["signals"])
        files = [
            SimpleUploadedFile("a.md", NOTES),
            SimpleUploadedFile("b.md", b""),
            SimpleUploadedFile("c.txt", b"plain text\n"),
        ]
        answer = cast.client("staff").post(url, {"files": files}, follow=True)
        assert set(cast.course.materials.values_list("filename", flat=True)) == {"a.md", "c.txt"}
        said = " ".join(str(message) for message in answer.context["messages"])
        assert "2 files uploaded" in said
        assert "“b.md” is empty" in said

    def test_an_answer_key_is_one_from_the_first_moment(self, cast: Cast) -> None:
        url = reverse("courses:upload", args=["signals"])
        data = {"files": SimpleUploadedFile("solutions.md", NOTES), "answer_key": "on"}
        cast.client("staff").post(url, data, headers={"Accept": "application/json"})
        assert cast.course.materials.get().answer_key

    def test_who_was_signed_out_is_told_so(self, cast: Cast) -> None:
        answer = upload(cast, NOTES, who="anonymous")
        assert answer.status_code == 401
        assert "Sign in again" in answer.json()["error"]
        assert not cast.course.materials.exists()

    def test_new_files_come_last(self, cast: Cast) -> None:
        make.material(cast.course, "x", position=7)
        upload(cast, NOTES)
        assert cast.course.materials.get(filename="notes.md", kind="markdown", position=8)

    @pytest.mark.parametrize("who", ["student", "stranger", "outsider"])
    def test_only_those_who_teach_may(self, cast: Cast, who: str) -> None:
        assert upload(cast, NOTES, who=who).status_code == 404
        assert not cast.course.materials.exists()


class TestRefusing:
    def refused(self, cast: Cast, content: bytes, name: str) -> str:
        """The words of a refusal, after which nothing is left behind."""
        files, rows = stored_files(), Material.objects.count()
        answer = upload(cast, content, name)
        assert answer.status_code == 422
        assert stored_files() == files
        assert Material.objects.count() == rows
        return str(answer.json()["error"])

    def test_an_empty_file(self, cast: Cast) -> None:
        assert "is empty" in self.refused(cast, b"", "x.md")

    def test_a_file_that_is_no_material(self, cast: Cast) -> None:
        assert self.refused(cast, b"\x7fELF\x02\x01\x01" + bytes(2000), "tool.bin")

    def test_a_program_that_calls_itself_a_pdf(self, cast: Cast) -> None:
        assert self.refused(cast, b"\x7fELF\x02\x01\x01" + bytes(2000), "lecture.pdf")

    def test_a_file_that_is_too_large(self, cast: Cast, settings: Any) -> None:
        settings.UPLOAD_MAX_BYTES = 1000
        assert "larger than 1000" in self.refused(cast, NOTES * 100, "x.md")

    def test_the_same_file_twice(self, cast: Cast) -> None:
        first = upload(cast, NOTES, "one.md").json()
        answer = upload(cast, NOTES, "two.md")
        assert answer.status_code == 422
        assert "already here as “one”" in answer.json()["error"]
        assert answer.json()["same"] == first["uuid"]
        assert cast.course.materials.count() == 1

    def test_the_same_file_again_after_a_failure_points_to_retry(self, cast: Cast) -> None:
        upload(cast, NOTES, "one.md")
        cast.course.materials.get().fail("no")
        assert "Retry it there" in upload(cast, NOTES, "two.md").json()["error"]

    def test_the_same_file_in_another_course_is_no_matter(self, cast: Cast) -> None:
        make.material(cast.other, NOTES.decode(), sha256=hashlib.sha256(NOTES).hexdigest())
        assert upload(cast, NOTES).status_code == 200

    def test_nothing_stays_when_the_row_cannot_be_written(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        files = stored_files()

        def broken(self: Material, *args: Any, **kwargs: Any) -> None:
            raise RuntimeError("the database went away")

        monkeypatch.setattr(Material, "queue", broken)
        with pytest.raises(RuntimeError):
            upload(cast, NOTES)
        assert stored_files() == files
        assert not Material.objects.exists()


class TestDiskFull:
    """Real limits: a file may grow to so many bytes and no further, as on a disk without room."""

    @pytest.fixture
    def small_disk(self) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a write fails with EFBIG
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, before[1]))
        yield
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)

    def test_while_it_comes_in(self, cast: Cast, small_disk: None) -> None:
        files, coming = stored_files(), set(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir())
        answer = upload(cast, NOTES * 60_000)
        assert answer.status_code == 422
        assert "“notes.md” could not be stored" in answer.json()["error"]
        assert not Material.objects.exists()
        assert stored_files() == files
        assert set(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) <= coming
        assert upload(cast, NOTES).status_code == 200  # a small one still fits

    def test_while_it_is_put_away(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        files = set(Path(settings.MEDIA_ROOT).rglob("*"))
        real = getattr(FileSystemStorage, "_save")  # noqa: B009 - which the type stubs leave out

        def half(self: FileSystemStorage, name: str, content: Any) -> str:
            real(self, name, ContentFile(content.read(10)))
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(FileSystemStorage, "_save", half)
        answer = upload(cast, NOTES)
        assert answer.status_code == 422
        assert "could not be stored" in answer.json()["error"]
        assert not Material.objects.exists()
        assert {path for path in Path(settings.MEDIA_ROOT).rglob("*") if path not in files} <= {
            Path(settings.MEDIA_ROOT) / "materials"
        }


@pytest.mark.parametrize(
    ("given", "name", "title"),
    [
        ("lecture_1.pdf", "lecture_1.pdf", "lecture 1"),
        ("../../etc/passwd", "passwd", "passwd"),
        ("C:\\Users\\ada\\Vorlesung 2.pptx", "Vorlesung 2.pptx", "Vorlesung 2"),
        ("a\x00b\r\n.md", "ab.md", "ab"),
        ("...", "file", "file"),
        ("x" * 400 + ".md", "x" * 197 + ".md", "x" * 197),
        ("e\u0301tude.md", "\u00e9tude.md", "\u00e9tude"),
        ("<b>bold</b>.md", "b>.md", "b>"),
    ],
)
def test_names_are_made_fit(given: str, name: str, title: str) -> None:
    assert clean_name(given) == name
    assert title_of(clean_name(given)) == title


def test_a_title_cannot_inject_markup(cast: Cast) -> None:
    make.material(cast.course, "x", title="<img src=x onerror=alert(1)>")
    page = cast.client("instructor").get(reverse("courses:materials", args=["signals"])).content.decode()
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


class TestVersions:
    def replace(self, cast: Cast, old: Material, content: bytes) -> Any:
        url = reverse("courses:replace", args=["signals", old.uuid])
        return cast.client("instructor").post(
            url, {"files": SimpleUploadedFile("new.md", content)}, follow=True
        )

    def test_a_new_version_takes_the_olds_place_and_visibility(self, cast: Cast) -> None:
        old = make.material(cast.course, "old", title="Lecture 1", position=3, answer_key=True)
        self.replace(cast, old, NOTES)
        new = Material.objects.get(replaces=old)
        assert (new.version, new.title, new.position, new.answer_key) == (2, "Lecture 1", 3, True)
        old.refresh_from_db()
        assert not old.superseded  # until the new one has been read

    def test_while_one_is_being_read_another_is_refused(self, cast: Cast) -> None:
        old = make.material(cast.course, "old")
        self.replace(cast, old, NOTES)
        page = self.replace(cast, old, b"# Something else\n\nText.\n")
        assert "on its way" in page.content.decode()
        assert Material.objects.filter(replaces=old).count() == 1

    def test_a_failed_one_makes_room(self, cast: Cast) -> None:
        old = make.material(cast.course, "old")
        self.replace(cast, old, NOTES)
        failed = Material.objects.get(replaces=old)
        failed.fail("no")
        self.replace(cast, old, b"# Something else\n\nText.\n")
        assert not Material.objects.filter(pk=failed.pk).exists()
        assert Material.objects.get(replaces=old).state == State.QUEUED

    def test_hiding_hides_every_version(self, cast: Cast) -> None:
        old = make.material(cast.course, "old", superseded=True)
        new = make.material(cast.course, "new", replaces=old, version=2)
        url = reverse("courses:act", args=["signals", new.uuid])
        cast.client("instructor").post(url, {"action": "mark_key"})
        old.refresh_from_db()
        assert old.answer_key
        source = reverse("courses:source_data", args=["signals", old.uuid])
        assert cast.client("student").get(source).status_code == 404

    def test_deleting_the_version_in_use_deletes_the_history(
        self, cast: Cast, django_capture_on_commit_callbacks: Any
    ) -> None:
        first = make.material(cast.course, "one", superseded=True)
        second = make.material(cast.course, "two", replaces=first, version=2)
        kept = make.material(cast.course, "other")
        picture = second.folder / "page-1.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(b"x")
        passage = make.passage(second, "two")
        index = cast.course.index_version
        with django_capture_on_commit_callbacks(execute=True):
            assert remove(second) == 2
        assert list(Material.objects.all()) == [kept]
        assert not type(passage).objects.filter(pk=passage.pk).exists()
        assert not picture.exists()
        assert stored_files() >= {Path(kept.file.path)}
        assert Path(second.file.path) not in stored_files()
        cast.course.refresh_from_db()
        assert cast.course.index_version > index

    def test_deleting_one_of_the_middle_keeps_the_chain(self, cast: Cast) -> None:
        first = make.material(cast.course, "one", superseded=True)
        second = make.material(cast.course, "two", replaces=first, version=2, superseded=True)
        third = make.material(cast.course, "three", replaces=second, version=3)
        assert remove(second) == 1
        third.refresh_from_db()
        assert versions(third) == [third, first]

    def test_deleting_a_version_on_its_way_keeps_the_one_in_use(self, cast: Cast) -> None:
        old = make.material(cast.course, "old")
        self.replace(cast, old, NOTES)
        assert remove(Material.objects.get(replaces=old)) == 1
        assert Material.objects.filter(pk=old.pk).exists()

    def test_files_stay_when_the_deletion_is_undone(self, cast: Cast) -> None:
        material = make.material(cast.course, "one")
        from django.db import transaction

        with pytest.raises(RuntimeError), transaction.atomic():
            remove(material)
            raise RuntimeError("undo")
        assert Path(material.file.path).exists()


class TestActs:
    def act(self, cast: Cast, material: Material, action: str) -> None:
        cast.client("staff").post(reverse("courses:act", args=["signals", material.uuid]), {"action": action})
        material.refresh_from_db()

    def test_retry_begins_again(
        self, cast: Cast, enqueued: list[Material], django_capture_on_commit_callbacks: Any
    ) -> None:
        material = make.material(cast.course, "", state=State.FAILED, error="no", attempts=3)
        with django_capture_on_commit_callbacks(execute=True):
            self.act(cast, material, "retry")
        assert (material.state, material.error, material.attempts) == (State.QUEUED, "", 0)
        assert enqueued == [material]

    def test_retry_does_not_disturb_a_running_job(self, cast: Cast, enqueued: list[Material]) -> None:
        material = make.material(cast.course, "", state=State.RUNNING)
        self.act(cast, material, "retry")
        assert material.state == State.RUNNING
        assert not enqueued

    def test_stop(self, cast: Cast) -> None:
        material = make.material(cast.course, "", state=State.RUNNING)
        self.act(cast, material, "stop")
        assert material.state == State.STOPPED
        done = make.material(cast.course, "done")
        self.act(cast, done, "stop")
        assert done.state == State.DONE

    def test_moving_within_bounds(self, cast: Cast) -> None:
        rows = [make.material(cast.course, text, title=text) for text in ("a", "b", "c")]

        def order() -> str:
            return "".join(cast.course.materials.values_list("title", flat=True))

        self.act(cast, rows[0], "up")
        assert order() == "abc"
        self.act(cast, rows[2], "up")
        assert order() == "acb"
        self.act(cast, rows[0], "down")
        assert order() == "cab"

    def test_an_unknown_act_does_nothing(self, cast: Cast) -> None:
        material = make.material(cast.course, "a")
        self.act(cast, material, "__class__")
        assert material.state == State.DONE


class TestBodyLimit:
    """Before Django sees a request: its body must not fill the disk."""

    def send(self, path: str, body: bytes, declared: int | None = None) -> tuple[int, int]:
        """(status, bytes the application got to read)."""
        sent: list[dict[str, Any]] = []
        read = 0
        parts = [body[start : start + 1000] for start in range(0, len(body), 1000)] or [b""]

        async def application(scope: Any, receive: Any, send: Any) -> None:
            nonlocal read
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return
                read += len(message["body"])
                if not message["more_body"]:
                    break
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        async def receive() -> dict[str, Any]:
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Mapping[str, Any]) -> None:
            sent.append(dict(message))

        headers = [(b"content-length", str(declared).encode())] if declared is not None else []
        scope = {"type": "http", "path": path, "headers": headers}
        asyncio.run(BodyLimit(application)(scope, receive, send))
        return (sent[0]["status"] if sent else 0), read

    @pytest.fixture(autouse=True)
    def small(self, settings: Any) -> None:
        settings.UPLOAD_MAX_BYTES = 10_000
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2_000

    def test_what_fits_passes(self) -> None:
        assert self.send("/c/signals/materials/upload/", bytes(9_000), 9_000) == (200, 9_000)
        assert self.send("/accounts/login/", bytes(500), 500) == (200, 500)

    def test_a_declared_excess_is_refused_unread(self) -> None:
        assert self.send("/c/signals/materials/upload/", bytes(50_000), 50_000) == (413, 0)
        assert self.send("/accounts/login/", bytes(9_000), 9_000) == (413, 0)

    def test_an_undeclared_excess_is_cut_off(self) -> None:
        status, read = self.send("/accounts/login/", bytes(9_000))
        assert status == 0
        assert read <= 2_000
