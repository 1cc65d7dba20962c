"""Uploads in an object storage, over a real socket: from the upload page to a restored backup."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse
from moto.server import ThreadedMotoServer

from courses.index import forget
from courses.ingestion import ingest
from courses.models import Course, Material, Passage
from courses.removal import remove
from courses.search import search
from tests.courses import reader_files as files
from tests.courses.conftest import Cast
from tests.courses.test_source import body
from tests.llm.conftest import unused_port
from tutor import archive
from tutor.jobs import State

pytestmark = pytest.mark.django_db(transaction=True)

OPTIONS = {"bucket_name": "lyceum", "access_key": "key", "secret_key": "secret", "region_name": "us-east-1"}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=unused_port(), verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(server: str, settings: Any, tmp_path: Path) -> Iterator[Any]:
    """An empty bucket, which the site uses; and what was asked of it."""
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {**OPTIONS, "endpoint_url": server},
        },
    }
    found: Any = storages["default"]
    found.connection.create_bucket(Bucket="lyceum")
    forget()
    yield found.bucket
    found.bucket.objects.all().delete()
    found.bucket.delete()


def keys(bucket: Any) -> list[str]:
    return sorted(one.key for one in bucket.objects.all())


def upload(cast: Cast, name: str, content: bytes) -> Material:
    answer = cast.client("instructor").post(
        reverse("courses:upload", args=["signals"]),
        {"files": SimpleUploadedFile(name, content)},
        headers={"Accept": "application/json"},
    )
    assert answer.status_code == 200, answer.content
    return Material.objects.get(uuid=answer.json()["uuid"])


@pytest.fixture
def read(cast: Cast, bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Material:
    """A PDF with a figure that came in by the page and was read by the job."""
    monkeypatch.setattr(Material, "enqueue", lambda self: None)
    material = upload(cast, "Lecture 1.pdf", files.figure_pdf(tmp_path / "a.pdf").read_bytes())
    ingest(material)
    material.refresh_from_db()
    assert (material.state, material.error) == (State.DONE, "")
    return material


@pytest.mark.model
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_a_source_is_read_and_opened_through_the_site_alone(
    cast: Cast, read: Material, bucket: Any, server: str
) -> None:
    raw = bucket.Object(read.file.name).get()["Body"].read()
    (picture,) = set(keys(bucket)) - {read.file.name}
    assert not read.folder.exists()  # the bucket has it: another machine may serve it
    assert search(cast.course, "noise of the camera", passages=Passage.objects.for_agent(cast.course), k=1)
    figure = cast.client("student").get(
        reverse("courses:asset", args=["signals", read.uuid, Path(picture).name])
    )
    assert figure.content == bucket.Object(picture).get()["Body"].read()
    gone = reverse("courses:asset", args=["signals", read.uuid, "none.png"])
    assert cast.client("student").get(gone).status_code == 404
    url = reverse("courses:file", args=["signals", read.uuid])
    student = cast.client("student")
    whole = student.get(url)
    assert (whole.status_code, body(whole)) == (200, raw)

    asked: list[str] = []
    client = bucket.meta.client
    client.meta.events.register(
        "before-call.s3.GetObject", lambda params, **_: asked.append(params["headers"].get("Range", ""))
    )
    part = student.get(url, headers={"Range": "bytes=100-299"})
    assert (part.status_code, body(part)) == (206, raw[100:300])
    tail = student.get(url, headers={"Range": "bytes=-50"})
    assert (tail.status_code, body(tail)) == (206, raw[-50:])
    assert asked == ["bytes=100-299", f"bytes={len(raw) - 50}-{len(raw) - 1}"]  # no more than was wanted
    assert student.get(url, headers={"Range": f"bytes={len(raw)}-"}).status_code == 416
    assert int(student.head(url)["Content-Length"]) == len(raw)

    # nobody gets an address past the site's own checks
    data = student.get(reverse("courses:source_data", args=["signals", read.uuid])).content.decode()
    pages = [
        reverse("courses:materials", args=["signals"]),
        reverse("courses:material", args=["signals", read.uuid]),
    ]
    shown = data + "".join(cast.client("instructor").get(page).content.decode() for page in pages)
    assert server not in shown
    assert "X-Amz-" not in shown
    for who in ("outsider", "stranger"):
        assert cast.client(who).get(url).status_code == 404
    Material.objects.filter(pk=read.pk).update(hidden=True)
    assert student.get(url).status_code == 404


@pytest.mark.model
def test_deleting_leaves_nothing(cast: Cast, read: Material, bucket: Any) -> None:
    assert len(keys(bucket)) == 2  # the original, and the picture taken out of it
    remove(read)
    assert keys(bucket) == []


@pytest.mark.model
def test_a_lost_original_is_said(cast: Cast, read: Material, bucket: Any) -> None:
    bucket.Object(read.file.name).delete()
    url = reverse("courses:file", args=["signals", read.uuid])
    assert cast.client("student").get(url).status_code == 404
    Material.objects.filter(pk=read.pk).update(state=State.QUEUED)
    ingest(read)
    read.refresh_from_db()
    assert (read.state, read.error) == (State.FAILED, "The stored file is missing. Upload it again.")


@pytest.mark.model
def test_a_backup_takes_the_bucket_along(
    cast: Cast, read: Material, bucket: Any, tmp_path: Path, settings: Any
) -> None:
    raw = bucket.Object(read.file.name).get()["Body"].read()
    stored = {key: bucket.Object(key).get()["Body"].read() for key in keys(bucket)}
    made = io.StringIO()
    call_command("backup", str(tmp_path / "b.tar.gz"), "--json", stdout=made)
    assert json.loads(made.getvalue())["files"] == len(stored) == 2
    for model in reversed(archive.kept_models()):
        model._default_manager.all().delete()
    bucket.objects.all().delete()
    shutil.rmtree(settings.MEDIA_ROOT, ignore_errors=True)
    call_command("restore", str(tmp_path / "b.tar.gz"), "--json", stdout=io.StringIO())
    assert Course.objects.get(slug="signals").materials.get().file.read() == raw
    assert {key: bucket.Object(key).get()["Body"].read() for key in keys(bucket)} == stored


def test_a_storage_that_is_away_refuses_in_words_and_keeps_nothing(
    cast: Cast, bucket: Any, settings: Any
) -> None:
    broken = {**OPTIONS, "endpoint_url": f"http://127.0.0.1:{unused_port()}"}
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": broken},
    }
    answer = cast.client("instructor").post(
        reverse("courses:upload", args=["signals"]),
        {"files": SimpleUploadedFile("a.md", b"# A\n\nText.\n")},
        headers={"Accept": "application/json"},
    )
    assert answer.status_code == 422
    assert "could not be stored" in answer.json()["error"]
    assert not Material.objects.exists()
