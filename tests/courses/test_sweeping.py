"""What is left of an upload: nothing where the line breaks, and nothing for longer than a day where a process is killed."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.utils import timezone

from courses.models import Course, Material
from courses.removal import remove
from courses.sweeping import KEPT, sweep
from tests import make
from tests.chat.site import Site, cookie_of
from tests.classrooms.room import TOKEN

pytestmark = pytest.mark.django_db(transaction=True)

MEGABYTE = 1_000_000


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A real server with a data folder of its own."""
    (tmp_path / "tmp").mkdir()
    own = {"LYCEUM_DATA": str(tmp_path), "TMPDIR": str(tmp_path / "tmp")}
    with Site(SECRET_KEY=configured.SECRET_KEY, **own) as running:
        yield running


def begin_upload(site: Site, course: Course) -> socket.socket:
    """An upload of five megabytes of which three have gone out."""
    teacher = make.enrol(course, role="instructor")
    body = (
        b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="long.md"\r\n'
        b"Content-Type: text/markdown\r\n\r\n" + b"# Heat\n" * (3 * MEGABYTE // 7)
    )
    head = (
        f"POST /c/{course.slug}/materials/upload/ HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\n"
        f"Cookie: {cookie_of(teacher)}; csrftoken={TOKEN}\r\nX-CSRFToken: {TOKEN}\r\n"
        f"Content-Type: multipart/form-data; boundary=frontier\r\nContent-Length: {5 * MEGABYTE}\r\n\r\n"
    )
    line = socket.create_connection(("127.0.0.1", site.port))
    line.sendall(head.encode() + body)
    return line


def spooled(site: Site, folder: Path) -> int:
    """Bytes of a request that the server holds on its disk, in a file without a name."""
    held = [
        link
        for link in Path(f"/proc/{site.process.pid}/fd").iterdir()
        if _target(link).startswith(str(folder))
    ]
    return sum(link.stat().st_size for link in held)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""


def test_an_upload_whose_line_breaks_leaves_nothing_behind(site: Site, tmp_path: Path) -> None:
    line = begin_upload(site, make.course())
    while not spooled(site, tmp_path / "uploads"):
        assert site.process.poll() is None
    line.close()
    while spooled(site, tmp_path / "uploads"):
        assert site.process.poll() is None
    assert not [*(tmp_path / "tmp").iterdir(), *(tmp_path / "uploads").iterdir()]
    assert not (tmp_path / "files").exists()
    assert not Material.objects.exists()
    assert site.get("/accounts/login/")[0] == 200


@pytest.fixture
def folders(tmp_path: Path, settings: Any) -> Path:
    """The folders of this test's materials."""
    settings.MEDIA_ROOT, settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "files", tmp_path / "uploads"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()
    return tmp_path / "files" / "materials"


def orphan(folders: Path) -> Path:
    """What a process leaves that is killed between the file and its row."""
    folder = folders / str(uuid.uuid4())
    folder.mkdir(parents=True)
    (folder / "original.md").write_text("# Heat")
    return folder


def test_folders_without_a_row_go_after_a_day_and_those_with_one_stay(folders: Path) -> None:
    course = make.course()
    kept = make.material(course, "Heat flows.")
    (configured.FILE_UPLOAD_TEMP_DIR / "tmp1.upload").write_bytes(b"half a fi")
    (configured.FILE_UPLOAD_TEMP_DIR / "scratch").mkdir()
    left = orphan(folders)
    assert sweep() == []
    assert set(sweep(timezone.now() + timedelta(seconds=KEPT + 60))) == {"tmp1.upload", "scratch", left.name}
    assert [folder.name for folder in folders.iterdir()] == [str(kept.uuid)]
    assert Path(kept.file.path).read_text() == "Heat flows."
    remove(kept)


def test_nothing_goes_where_the_database_is_another_sites(folders: Path) -> None:
    left = [orphan(folders) for _ in range(2)]
    make.material(make.course(), "Heat flows.")
    assert sweep(timezone.now() + timedelta(days=9)) == []
    assert all(folder.is_dir() for folder in left)
