"""From a file to passages: what is left behind by success, failure, deletion and double delivery."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from courses import ingestion
from courses.anchors import anchor_of
from courses.index import forget
from courses.ingestion import ingest
from courses.models import Course, Extract, Material, Passage, Proposition
from courses.readers.parts import Block, Part, UnreadableFile
from courses.search import search
from courses.storing import embed_propositions
from courses.transcripts import EditRefused, edit_cue
from tests import make
from tests.courses.test_passages import speech
from tutor.jobs import State

pytestmark = [pytest.mark.django_db, pytest.mark.model]

NOTES = """# Heat

The heat equation describes how warmth spreads. It has one solution.

## Rods

A rod conducts heat, and a plate spreads it.

$$u_t = u_{xx}$$
"""


@pytest.fixture(autouse=True)
def fresh_indexes() -> None:
    forget()


def queued(course: Course, text: str = NOTES, **fields: Any) -> Material:
    """An uploaded file that waits to be read."""
    material = Material(course=course, title="notes", filename="notes.md", **fields)
    material.file.save("notes.md", ContentFile(text.encode()), save=False)
    material.save()
    return material


def reading(monkeypatch: pytest.MonkeyPatch, parts: list[Part], then: Exception | None = None) -> None:
    """Let the reader yield these parts, and then fail if told to."""

    def parse(*args: object, **kwargs: object) -> Iterator[Part]:
        yield from parts
        if then:
            raise then

    monkeypatch.setattr(ingestion, "parse", parse)


def part(text: str, done: float = 1.0, **meta: Any) -> Part:
    return Part([Block("text", text, {"path": ["A"]})], done, meta)


def test_a_file_becomes_passages_propositions_and_vectors() -> None:
    material = queued(make.course())
    ingest(material)
    material.refresh_from_db()
    assert (material.state, material.error, material.progress) == (State.DONE, "", 1)
    assert (material.kind, material.title) == ("markdown", "Heat")
    rows = list(material.passages.all())
    assert [row.ordinal for row in rows] == list(range(len(rows)))
    assert all(row.vector and len(row.vector) == 768 for row in rows)
    assert all(material.extract.text[row.start : row.end] == row.text for row in rows)
    found = {one.text for one in Proposition.objects.filter(passage__material=material)}
    assert {"A rod conducts heat.", "A plate spreads heat.", "The heat equation has one solution."} & found
    for one in Proposition.objects.filter(passage__material=material).select_related("passage"):
        assert one.passage.text[one.start : one.end].strip()


def test_propositions_get_their_vectors_afterwards_in_slices() -> None:
    material = queued(make.course())
    ingest(material)
    waiting = Proposition.objects.filter(passage__material=material, vector=None)
    assert waiting.exists()
    while not embed_propositions(material, 1):
        pass
    material.refresh_from_db()
    assert material.refined
    assert not waiting.exists()


def test_what_was_read_can_be_found_while_the_rest_is_being_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion, "FLUSH_SECONDS", 0)
    monkeypatch.setattr(ingestion, "SAY_SECONDS", 0)
    course = make.course()
    material = queued(course)
    seen: list[tuple[str, float, int, list[str]]] = []

    def parse(*args: object, **kwargs: object) -> Iterator[Part]:
        for number, topic in enumerate(("rain", "yeast", "sound")):
            yield Part([Block("text", f"All about {topic}. " * 30, {"page": number + 1})], (number + 1) / 3)
            row = Material.objects.get(pk=material.pk)
            texts = [h.text for h in search(course, topic, passages=Passage.objects.for_agent(course), k=1)]
            seen.append((row.state, row.progress, Passage.objects.count(), texts))

    monkeypatch.setattr(ingestion, "parse", parse)
    ingest(material)
    assert [state for state, *_ in seen] == [State.RUNNING] * 3
    assert seen[0][1] < seen[1][1] < seen[2][1] < 1
    assert "rain" in seen[1][3][0]
    assert seen[1][2] < seen[2][2] < Passage.objects.count()


def test_a_failure_says_why_and_leaves_nothing_but_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion, "FLUSH_SECONDS", 0)
    course = make.course()
    material = queued(course)
    long = [part("A long sentence about rain. " * 60, 0.3), part("More about it. " * 60, 0.6)]
    reading(monkeypatch, long, UnreadableFile("Page 3 is damaged. Export it again."))
    ingest(material)
    material.refresh_from_db()
    assert (material.state, material.error) == (State.FAILED, "Page 3 is damaged. Export it again.")
    assert not Passage.objects.exists()
    assert not Extract.objects.exists()
    assert search(course, "rain", passages=Passage.objects.for_agent(course)) == []
    assert material.file.storage.exists(material.file.name or "")


def test_a_failed_material_can_be_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    material = queued(make.course())
    with monkeypatch.context() as patched:
        reading(patched, [], RuntimeError("a bug"))
        ingest(material)
    material.refresh_from_db()
    assert material.state == State.FAILED
    assert "log" in material.error
    assert "a bug" not in material.error
    monkeypatch.setattr(Material, "enqueue", lambda self: None)
    material.queue()
    ingest(material)
    material.refresh_from_db()
    assert (material.state, material.error) == (State.DONE, "")


def test_nothing_to_read_is_a_failure_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    material = queued(make.course())
    reading(monkeypatch, [Part([], 1.0)])
    ingest(material)
    material.refresh_from_db()
    assert material.state == State.FAILED
    assert "No text was found in “notes.md”" in material.error


def test_double_delivery_reads_once(monkeypatch: pytest.MonkeyPatch) -> None:
    material = queued(make.course())
    again = Material.objects.get(pk=material.pk)
    ingest(material)
    count = Passage.objects.count()
    reading(monkeypatch, [], AssertionError("read again"))
    ingest(again)
    assert Passage.objects.count() == count


@pytest.mark.parametrize("event", ["deleted", "stopped", "taken over"])
def test_a_job_that_is_no_longer_ours_ends_quietly(monkeypatch: pytest.MonkeyPatch, event: str) -> None:
    material = queued(make.course())
    row = Material.objects.filter(pk=material.pk)

    def parse(*args: object, **kwargs: object) -> Iterator[Part]:
        yield part("About rain. " * 80, 0.5)
        if event == "deleted":
            row.delete()
        elif event == "stopped":
            row.update(state=State.STOPPED)
        else:
            row.update(attempts=5)
        yield part("About snow. " * 80)

    monkeypatch.setattr(ingestion, "parse", parse)
    ingest(material)
    assert not Passage.objects.exists()
    if event != "deleted":
        assert row.get().state == (State.STOPPED if event == "stopped" else State.RUNNING)
        assert row.get().error == ""


def test_a_new_version_takes_over_when_it_has_been_read(monkeypatch: pytest.MonkeyPatch) -> None:
    course = make.course()
    old = queued(course)
    ingest(old)
    new = queued(course, NOTES.replace("warmth", "temperature"), replaces=old, version=2)
    with monkeypatch.context() as patched:
        reading(patched, [], UnreadableFile("Damaged."))
        ingest(new)
    old.refresh_from_db()
    assert not old.superseded  # a version that cannot be read replaces nothing
    Material.objects.filter(pk=new.pk).update(state=State.QUEUED)
    ingest(new)
    old.refresh_from_db()
    assert old.superseded
    assert old.passages.exists()  # old citations still open
    passages = Passage.objects.for_agent(course)
    assert {hit.passage.material for hit in search(course, "warmth", passages=passages)} == {new}


def test_the_second_of_two_equal_files_says_which_is_there() -> None:
    course = make.course()
    first, second = queued(course, sha256="a" * 64), queued(course, sha256="a" * 64)
    ingest(first)
    ingest(second)
    second.refresh_from_db()
    assert second.state == State.FAILED
    assert "already in this course as “Heat”" in second.error
    elsewhere = queued(make.course(), sha256="a" * 64)
    ingest(elsewhere)
    elsewhere.refresh_from_db()
    assert elsewhere.state == State.DONE


def test_figures_that_nobody_described_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    material = queued(make.course())
    figure = Block("figure", "Figure 1: a rod", {"page": 1}, data={"asset": "page-1.png"})
    reading(monkeypatch, [Part([figure, Block("text", "A rod is long.", {"page": 1})], 1.0, {"pages": 1})])
    ingest(material)
    material.refresh_from_db()
    assert (material.meta["figures"], material.meta["figures_described"], material.meta["pages"]) == (1, 0, 1)


def test_the_text_is_inserted_in_bulk(monkeypatch: pytest.MonkeyPatch) -> None:
    reading(monkeypatch, [part("One short sentence about rain in spring. " * 400)])
    material = queued(make.course())
    with CaptureQueriesContext(connection) as queries:
        ingest(material)
    assert material.passages.count() > 10
    assert sum("INSERT INTO" in query["sql"] for query in queries) < 8


# Corrected transcripts


def recording(course: Course) -> Material:
    """A recording that was recognised: cues of five words each."""
    material = queued(course)
    ingestion_parts = [Part(speech(40, words=True), 1.0)]
    with pytest.MonkeyPatch.context() as patched:
        reading(patched, ingestion_parts)
        ingest(material)
    material.refresh_from_db()
    return material


def test_a_corrected_cue_is_found_and_keeps_its_time() -> None:
    course = make.course()
    material = recording(course)
    before = list(material.passages.order_by("ordinal"))
    cue = next(n for n, b in enumerate(material.extract.blocks) if b["start"] > before[1].start + 60)
    anchor = material.extract.blocks[cue]["anchor"]
    made = edit_cue(material, cue, "word about photosynthesis in the leaves of plants")
    extract = Extract.objects.get(material=material)
    assert extract.blocks[cue]["anchor"] == anchor
    rows = list(material.passages.order_by("ordinal"))
    assert [row.ordinal for row in rows] == list(range(len(rows)))
    assert all(extract.text[row.start : row.end] == row.text for row in rows)
    assert rows[0].pk == before[0].pk  # untouched ones stay
    assert rows[-1].pk == before[-1].pk
    assert rows[-1].anchor == before[-1].anchor
    assert {row.pk for row in made}.isdisjoint(row.pk for row in before)
    hit = search(course, "photosynthesis in plants", passages=Passage.objects.for_agent(course))[0]
    assert hit.passage.pk in {row.pk for row in made}
    at = extract.text.index("photosynthesis")
    exact = anchor_of(extract.text, extract.blocks, at, at + len("photosynthesis"))
    assert anchor["start_ms"] <= exact["start_ms"] < exact["end_ms"] <= anchor["end_ms"]


def test_words_that_stay_keep_their_times() -> None:
    material = recording(make.course())
    words = material.extract.blocks[3]["data"]["words"]
    said = [word for word, _, _ in words]
    edit_cue(material, 3, " ".join([said[0], "new", *said[2:]]))
    after = Extract.objects.get(material=material).blocks[3]["data"]["words"]
    assert [after[0], *after[2:]] == [words[0], *words[2:]]
    assert after[1] == ["new", words[1][1], words[1][2]]


def test_an_edit_that_cannot_be_made_changes_nothing() -> None:
    material = recording(make.course())
    text = material.extract.text
    with pytest.raises(EditRefused, match="needs words"):
        edit_cue(material, 0, "  ")
    with pytest.raises(LookupError):
        edit_cue(material, 9_999, "words")
    assert edit_cue(material, 0, text[: material.extract.blocks[0]["end"]]) == []
    assert Extract.objects.get(material=material).text == text


# The command


def run(*arguments: str) -> tuple[list[dict[str, Any]], bool]:
    """What `manage.py ingest` printed, and whether it exited with an error."""
    out = StringIO()
    try:
        call_command("ingest", *arguments, "--json", stdout=out)
    except CommandError:
        return [json.loads(line) for line in out.getvalue().splitlines()], True
    return [json.loads(line) for line in out.getvalue().splitlines()], False


def test_the_command_walks_folders_and_reports_each_file(tmp_path: Path) -> None:
    (tmp_path / "week 1").mkdir()
    (tmp_path / "week 1" / "notes.md").write_text(NOTES)
    (tmp_path / "more.md").write_text("# Rain\n\nRain is water that falls.")
    (tmp_path / ".hidden.md").write_text("no")
    rows, failed = run("physics", str(tmp_path), "--create")
    assert not failed
    assert [(row["file"], row["state"], row["error"]) for row in rows] == [
        ("more.md", "done", None), ("week 1/notes.md", "done", None)
    ]  # fmt: skip
    assert all(row["passages"] and row["propositions"] and row["seconds"] for row in rows)
    assert set(rows[0]) == {"material", "file", "state", "passages", "propositions", "seconds", "error"}
    assert not Proposition.objects.filter(vector=None).exists()
    again, failed = run("physics", str(tmp_path))
    assert not failed
    assert [row["material"] for row in again] == [row["material"] for row in rows]
    assert Material.objects.count() == 2


def test_the_command_exits_with_an_error_when_a_file_fails(tmp_path: Path) -> None:
    make.course(slug="physics")
    (tmp_path / "empty.md").write_text("")
    (tmp_path / "good.md").write_text(NOTES)
    rows, failed = run("physics", str(tmp_path / "empty.md"), str(tmp_path / "good.md"))
    assert failed
    assert [row["state"] for row in rows] == ["failed", "done"]
    assert rows[0]["error"]


def test_a_folders_broken_lectures_are_reported_and_what_is_no_lecture_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "lectures"
    folder.mkdir()
    (tmp_path / "shared.md").write_text(NOTES)
    (folder / "linked.md").symlink_to(tmp_path / "shared.md")
    (folder / "broken.pdf").write_bytes(bytes(range(256)))
    (folder / "empty.txt").write_text("")
    (folder / "old.doc").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600))
    (folder / "photo.png").write_bytes(b"\x89PNG" + bytes(600))
    rows, failed = run("The physics course", str(folder), "--create")
    assert failed
    assert [(row["file"], row["state"]) for row in rows] == [
        ("broken.pdf", "failed"), ("empty.txt", "failed"), ("linked.md", "done"), ("old.doc", "failed")
    ]  # fmt: skip
    assert all(row["error"] for row in rows if row["state"] == "failed")
    assert not run("The physics course", str(folder / "linked.md"))[1]  # found again by its title


def test_the_command_needs_a_course_and_files(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--create"):
        call_command("ingest", "nowhere", str(tmp_path))
    make.course(slug="physics")
    with pytest.raises(CommandError, match="There is no"):
        call_command("ingest", "physics", str(tmp_path / "missing.pdf"))
