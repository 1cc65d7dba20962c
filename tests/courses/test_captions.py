"""Captions that an instructor has stand in for speech recognition."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files import File
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from courses.demo.course import BUILT
from courses.ingestion import ingest
from courses.models import Material, Role
from courses.removal import remove
from tests import make
from tutor.jobs import State

RECORDING, CAPTIONS = BUILT / "lecture-3-outliers.ogg", BUILT / "lecture-3-outliers.vtt"


@pytest.fixture
def recording(db: None) -> Material:
    course = make.course()
    row = Material(course=course, title="Lecture 3", filename=RECORDING.name, kind="media")
    with RECORDING.open("rb") as file:
        row.file.save(RECORDING.name, File(file), save=False)
    row.save()
    return row


def sign_in(material: Material, role: str = Role.INSTRUCTOR) -> Client:
    client = Client()
    client.force_login(make.enrol(material.course, role=role))
    return client


@pytest.mark.model
def test_a_recording_with_captions_has_their_words_and_their_times(recording: Material) -> None:
    with CAPTIONS.open("rb") as file:
        recording.captions.save(CAPTIONS.name, File(file))
    ingest(recording)
    recording.refresh_from_db()
    assert recording.state == State.DONE, recording.error
    assert "a digit was typed twice" in recording.extract.text
    assert recording.meta["media"] == "audio"
    cue = next(
        b for b in recording.extract.blocks if "digit" in recording.extract.text[b["start"] : b["end"]]
    )
    assert cue["anchor"]["start_ms"] <= 25_260
    assert cue["anchor"]["end_ms"] >= 19_070


def test_captions_given_on_the_page_are_kept_and_the_recording_is_read_again(recording: Material) -> None:
    Material.objects.filter(pk=recording.pk).update(state=State.DONE)
    upload = SimpleUploadedFile("words.vtt", CAPTIONS.read_bytes())
    url = f"{recording.get_absolute_url()}captions/"
    assert sign_in(recording).post(url, {"captions": upload}).status_code == 302
    recording.refresh_from_db()
    assert recording.state == State.QUEUED
    assert recording.captions.read() == CAPTIONS.read_bytes()


def test_what_is_no_captions_file_is_refused_in_words(recording: Material) -> None:
    Material.objects.filter(pk=recording.pk).update(state=State.DONE)
    url = f"{recording.get_absolute_url()}captions/"
    page = sign_in(recording).post(
        url, {"captions": SimpleUploadedFile("words.vtt", b"%PDF-1.4 x")}, follow=True
    )
    assert "captions" in page.content.decode()
    recording.refresh_from_db()
    assert recording.state == State.DONE
    assert not recording.captions


def test_students_cannot_give_captions(recording: Material) -> None:
    upload = SimpleUploadedFile("words.vtt", CAPTIONS.read_bytes())
    answer = sign_in(recording, Role.STUDENT).post(
        f"{recording.get_absolute_url()}captions/", {"captions": upload}
    )
    assert answer.status_code == 404


def test_captions_go_with_the_recording(
    recording: Material, django_capture_on_commit_callbacks: pytest.FixtureRequest
) -> None:
    with CAPTIONS.open("rb") as file:
        recording.captions.save(CAPTIONS.name, File(file))
    path = Path(recording.captions.path)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        remove(recording)
    assert not path.exists()
