"""A backup restored into an empty site is the site."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import serializers
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from courses.index import forget
from courses.ingestion import ingest
from courses.models import Course, Enrolment, Material, Passage
from tests import make
from tests.llm.scripted import Answer, Scripted
from tutor import archive
from tutor.accounts.models import User, record
from tutor.chat.models import Citation, Conversation, Message, Turn
from tutor.classrooms import cast, publishing
from tutor.llm.models import Endpoint, Quota

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(tmp_path: Path, settings: Any) -> Course:
    """A site with something of everything, files in a folder of its own."""
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.DATA_DIR = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "files"},
        },
    }
    course = make.course("Signals", slug="signals")
    student = make.enrol(course, make.user("sam@example.org", name="Sam Müller"))
    old = make.material(course, "old text", superseded=True)
    new = make.material(course, "the new text ∑", replaces=old, version=2)
    lesson = make.lesson(course, material=new)
    publishing.next_version(lesson, student)
    cast.of(course)
    passage = make.passage(new, "the new text ∑", vector=bytes(range(256)) * 3, anchor={"page": 3})
    passage.propositions.create(ordinal=0, text="It is new.", start=0, end=3, vector=b"\x00\xff")
    new.folder.mkdir(parents=True, exist_ok=True)
    (new.folder / "page-1.png").write_bytes(b"\x89PNG")
    turn = Turn.objects.create(
        conversation=Conversation.objects.create(course=course, user=student), ordinal=1, question="why?"
    )
    message = Message.objects.create(turn=turn, author="agent", text="because")
    Citation.objects.create(
        message=message,
        sentence=0,
        marker=1,
        passage=passage,
        material=new,
        quote="new",
        start=4,
        end=7,
        label="p. 3",
        verdict="supported",
    )
    endpoint = Endpoint(name="v", base_url="http://localhost:1/v1", model="m")
    endpoint.api_key = "sk-secret"
    endpoint.save()
    Quota.objects.create(user=student, tokens_per_day=5)
    record(student, "course.joined", course)
    Course.objects.filter(pk=course.pk).update(created=timezone.now() - timedelta(days=400))
    return course


def everything() -> dict[str, str]:
    """All kept rows, as text. Of a time at the very second the zeros go: once its microseconds are cut off it has none."""
    return {
        model._meta.label: serializers.serialize("jsonl", model._default_manager.order_by("pk")).replace(
            ".000Z", "Z"
        )
        for model in archive.kept_models()
    }


def files() -> dict[str, bytes]:
    root = Path(settings.MEDIA_ROOT)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def wipe() -> None:
    """The same machine, a new site."""
    for model in reversed(archive.kept_models()):
        model._default_manager.all().delete()
    shutil.rmtree(settings.MEDIA_ROOT)


def run(command: str, *arguments: object) -> dict[str, Any]:
    out = io.StringIO()
    call_command(command, *map(str, arguments), "--json", stdout=out)
    result: dict[str, Any] = json.loads(out.getvalue())
    return result


def test_a_restored_site_is_the_same_to_the_byte(site: Course, tmp_path: Path) -> None:
    rows, stored = everything(), files()
    made = run("backup", tmp_path / "b.tar.gz")
    assert made["files"] == len(stored) == 3
    assert made["rows"]["courses.passage"] == 3
    assert made["rows"]["classrooms.line"] == 16
    wipe()
    assert not User.objects.exists()
    done = run("restore", tmp_path / "b.tar.gz")
    assert done["rows"] == made["rows"]
    assert everything() == rows
    assert files() == stored
    assert bytes(Passage.objects.get(text="the new text ∑").vector or b"") == bytes(range(256)) * 3
    assert Course.objects.get().created < timezone.now() - timedelta(days=300)


def test_the_restored_site_works_on(site: Course, tmp_path: Path) -> None:
    """Numbers go on where they were: new rows do not collide with restored ones."""
    run("backup", tmp_path / "b.tar.gz")
    wipe()
    run("restore", tmp_path / "b.tar.gz")
    course = make.course()
    make.enrol(course)
    assert Enrolment.objects.count() == 2
    assert User.objects.get(email="sam@example.org").check_password(make.PASSWORD)
    assert Endpoint.objects.get(name="v").api_key == "sk-secret"
    assert Material.objects.get(version=2).file.read() == "the new text ∑".encode()


def test_a_site_that_is_not_empty_is_not_overwritten(site: Course, tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    run("backup", path)
    make.user("later@example.org")
    extra = make.material(site, "later")
    with pytest.raises(CommandError, match="not empty"):
        run("restore", path)
    assert User.objects.filter(email="later@example.org").exists()
    run("restore", path, "--force")
    assert not User.objects.filter(email="later@example.org").exists()
    assert extra.file.name not in files()
    assert len(files()) == 3


def test_a_backup_is_not_written_over_another(site: Course, tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    path.write_bytes(b"precious")
    with pytest.raises(CommandError, match="exists"):
        run("backup", path)
    assert path.read_bytes() == b"precious"


@pytest.mark.parametrize("harm", ["cut", "flip", "zeros", "foreign", "garbage"])
def test_a_damaged_archive_changes_nothing(site: Course, tmp_path: Path, harm: str) -> None:
    path = tmp_path / "b.tar.gz"
    run("backup", path)
    raw = path.read_bytes()
    if harm == "cut":
        path.write_bytes(raw[: len(raw) // 2])
    elif harm == "flip":
        middle = len(raw) // 2
        path.write_bytes(raw[:middle] + bytes([raw[middle] ^ 0xFF]) + raw[middle + 1 :])
    elif harm == "zeros":  # no lawful beginning of a block
        path.write_bytes(raw[:200] + b"\xff" * 400 + raw[600:])
    elif harm == "garbage":
        path.write_bytes(b"not an archive")
    else:
        with tarfile.open(path, "w:gz") as tar:
            manifest = json.dumps({"format": 1, "migrations": archive.applied_migrations()}).encode()
            for name, content in (("manifest.json", manifest), ("files/../../evil", b"x")):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    rows, stored = everything(), files()
    with pytest.raises(CommandError):
        run("restore", path, "--force")
    assert everything() == rows
    assert files() == stored
    assert not (tmp_path.parent / "evil").exists()


def test_an_archive_of_another_version_says_what_to_do(
    site: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.tar.gz"
    with monkeypatch.context() as patch:
        patch.setattr(archive, "applied_migrations", lambda: ["courses.0001_initial", "courses.0099_future"])
        run("backup", path)
    with pytest.raises(CommandError, match="Check out the version that wrote the backup"):
        run("restore", path, "--force")


def test_the_secret_key_travels_only_on_request(site: Course, tmp_path: Path) -> None:
    run("backup", tmp_path / "without.tar.gz")
    run("backup", tmp_path / "with.tar.gz", "--with-secret-key")
    names = {
        name: set(tarfile.open(tmp_path / f"{name}.tar.gz").getnames())  # noqa: SIM115
        for name in ("without", "with")
    }
    assert "secret-key" not in names["without"]
    assert "secret-key" in names["with"]
    assert not run("restore", tmp_path / "without.tar.gz", "--force")["secret_key"]
    assert run("restore", tmp_path / "with.tar.gz", "--force")["secret_key"]
    key = tmp_path / "secret-key"
    assert key.read_text() == settings.SECRET_KEY
    assert key.stat().st_mode & 0o077 == 0


def test_the_archive_is_for_its_owner_alone(site: Course, tmp_path: Path) -> None:
    run("backup", tmp_path / "b.tar.gz")
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o077 == 0


@pytest.mark.model
def test_a_restored_course_answers_and_its_old_citations_open(
    site: Course, tmp_path: Path, client: Client, settings: Any
) -> None:
    """A course with conversations, real passages and vectors, over a backup into an empty site: history opens as it
    was, search finds, and a new question is answered and cited."""
    forget()
    Quota.objects.all().delete()
    text = "# Heat\n\nHeat flows by itself from a hot body to a cold one. Two bodies that touch end at one temperature."
    material = make.material(site, state=Material.State.QUEUED, kind="")
    material.file.save("heat.md", ContentFile(text.encode()))
    ingest(material)
    student = User.objects.get(email="sam@example.org")
    with Scripted(Answer("Heat flows by itself from a hot body to a cold one.")) as server:
        server.endpoint(capable=True, is_default=True).save()
        asked = ask_once(site, student, "Where does heat flow by itself?")
        url = asked["sentences"][0]["citations"][0]["url"]
        talk = Conversation.objects.order_by("-pk")[0]
        client.force_login(student)
        before = shown(client, talk)
        assert before[0]["answer"]["citations"]

        run("backup", tmp_path / "b.tar.gz")
        wipe()
        forget()
        run("restore", tmp_path / "b.tar.gz")

        student = User.objects.get(email="sam@example.org")
        client.force_login(student)
        assert shown(client, talk) == before
        page, _, query = url.partition("?")
        data = client.get(f"{page}data.json?{query}").json()
        assert (
            data["text"][data["mark"]["start"] : data["mark"]["end"]]
            == before[0]["answer"]["citations"][0]["quote"]
        )
        assert client.get(data["file_url"]).status_code == 200
        again = ask_once(Course.objects.get(slug="signals"), student, "Where does heat flow by itself?")
    assert not again["abstained"]
    assert again["sentences"][0]["citations"][0]["url"] == url
    assert Turn.objects.filter(state=Turn.State.DONE).count() >= 2


def shown(client: Client, talk: Conversation) -> list[dict[str, Any]]:
    """The conversation's turns on its page, times but to the second (archives keep milliseconds)."""
    turns = client.get(talk.get_absolute_url()).context["turns"]
    return [{**turn, "created": turn["created"][:19]} for turn in turns]


def ask_once(course: Course, student: User, question: str) -> dict[str, Any]:
    """What `manage.py ask` answers in a new conversation of the student's."""
    talk = Conversation.objects.create(course=course, user=student)
    out = io.StringIO()
    call_command("ask", course.slug, question, "--conversation", str(talk.uuid), "--json", stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer
