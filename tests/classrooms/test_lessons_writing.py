"""From material to a script: real files are read, planned and written by the rules, and every sentence is verified."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.utils import timezone

from courses.demo.course import BUILT
from courses.ingestion import ingest
from courses.models import Course, Material
from tests import make
from tests.courses import reader_files
from tests.llm.scripted import Answer, Scripted
from tutor.classrooms import phrasing, planning, publishing, tasks, writing
from tutor.classrooms.models import Action, Lesson, LessonPage, Line
from tutor.jobs import LOST, MAX_ATTEMPTS, State, reap

pytestmark = [pytest.mark.django_db, pytest.mark.model]

NOTES = """# Heat

Heat is energy on its way from a hot body to a cold one. It flows by itself only in this direction.

## Rods

A rod conducts heat, and a plate spreads it. The flux is the heat that passes each second.

$$u_t = u_{xx}$$

Kinds of insulation:

- wool
- foam
- a vacuum

```python
print(flux)
```

How much heat does a rod lose in an hour?

## References

Fourier 1822, The analytical theory of heat, chapter one.
"""

TWO = "# Heat\n\n" + "".join(
    f"## {title}\n\n" + " ".join(f"A {thing} carries heat in {n} ways." for n in ("two", "three", "four", "five", "six", "seven"))
    + "\n\n" for title, thing in (("Rods", "long rod"), ("Plates", "thin plate"))
)  # fmt: skip


@pytest.fixture(autouse=True)
def broker(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pages whose writing was queued."""
    sent: list[int] = []
    monkeypatch.setattr(tasks.write_page, "delay", sent.append)
    return sent


def read(course: Course, path: Path, **fields: Any) -> Material:
    """The file, as a material of the course that has been read."""
    material = Material(course=course, title=path.stem, filename=path.name, **fields)
    material.file.save(path.name, ContentFile(path.read_bytes()), save=False)
    material.save()
    ingest(material)
    material.refresh_from_db()
    return material


def notes(course: Course, tmp_path: Path, text: str = NOTES) -> Material:
    path = tmp_path / "heat.md"
    path.write_text(text)
    return read(course, path)


def lesson(*materials: Material) -> Lesson:
    return planning.plan(materials[0].course, materials, "", None)


def written(lesson: Lesson) -> Lesson:
    for page in lesson.pages.all():
        tasks.write_page(page.pk)
    return lesson


def said(lesson: Lesson) -> list[str]:
    return list(Line.objects.filter(action__page__lesson=lesson).values_list("text", flat=True))


def anchors(lesson: Lesson, name: str) -> list[object]:
    return [page.anchor.get(name) for page in lesson.pages.all()]


def test_every_kind_of_material_becomes_its_own_kind_of_pages(tmp_path: Path) -> None:
    course = make.course()
    slides = lesson(read(course, BUILT / "lecture-2-smoothing-a-signal.pptx"))
    assert anchors(slides, "slide") == list(range(1, 14))
    assert slides.pages.all()[2].title == "The moving average"
    assert len({tuple(page.section) for page in slides.pages.all()}) == 3

    pdf = lesson(read(course, BUILT / "lecture-1-repeating-a-measurement.pdf"))
    assert anchors(pdf, "page") == list(range(1, 13))

    sections = lesson(read(course, BUILT / "notes-propagation.md"))
    assert [page.title for page in sections.pages.all()][1:3] == [
        "Two rules worth remembering",
        "Worked example: gravity from a pendulum",
    ]
    cells = lesson(read(course, BUILT / "simulation.ipynb"))
    assert anchors(cells, "cell") == [1, 3, 6, 8, 10]

    captions = lesson(read(course, BUILT / "lecture-3-outliers.vtt"))
    starts = [page.anchor["start_ms"] for page in captions.pages.all()]
    assert len(starts) > 3
    assert starts == sorted(starts)

    document = lesson(read(course, reader_files.docx(tmp_path / "report.docx")))
    assert document.pages.count() >= 1
    html = tmp_path / "page.html"
    html.write_text("<h1>Heat</h1><h2>Flow</h2><p>" + "Heat flows from hot to cold. " * 12 + "</p><h2>Loss</h2><p>"
                    + "A rod loses heat at its ends. " * 12 + "</p>")  # fmt: skip
    assert [page.title for page in lesson(read(course, html)).pages.all()] == ["Flow", "Loss"]
    for made in Lesson.objects.all():
        for page in made.pages.all():
            assert page.passages.exists(), f"{made.title}: {page.title} stands on no passage"
            assert page.start < page.end


def test_the_demos_lectures_are_written_with_hardly_a_flag() -> None:
    course = make.course("Signals, noise and averages")
    names = (
        "lecture-1-repeating-a-measurement.pdf",
        "lecture-2-smoothing-a-signal.pptx",
        "lecture-3-outliers.vtt",
    )
    for name in names:
        made = written(lesson(read(course, BUILT / name)))
        assert set(made.pages.values_list("state", flat=True)) == {State.DONE}
        lines = Line.objects.filter(action__page__lesson=made)
        assert lines.exclude(flag=Line.Flag.NONE).count() <= 0.1 * lines.count(), name
        for line in lines.filter(claim=True, flag=Line.Flag.NONE).select_related(
            "action__page__material__extract"
        ):
            page = line.action.page
            assert page.material is not None
            assert line.quote == page.material.extract.text[line.start : line.end] != "", line.text
            assert line.passage in page.passages.all()
        texts = list(lines.values_list("text", flat=True))
        assert all(text[-1] in '.?!:”"' for text in texts)
        assert not [text for text in texts if text.startswith("-") or "  " in text or " 3 of 12" in text]
        for page in made.pages.all():
            kinds = list(page.actions.values_list("kind", flat=True))
            assert kinds[0] == Action.Kind.SHOW
            assert Action.Kind.READ in kinds
            assert 1 <= len(page.description) < 1200
        assert made.pages.last().actions.last().kind == Action.Kind.DISCUSS  # type: ignore[union-attr]


def test_what_is_no_sentence_becomes_one(tmp_path: Path) -> None:
    made = written(lesson(notes(make.course(), tmp_path)))
    texts = said(made)
    assert "Kinds of insulation: wool, foam and a vacuum." in texts
    assert "The flux is the heat that passes each second." in texts
    assert any(text.endswith("Python code on the page line by line.") for text in texts)
    assert not [text for text in texts if "print(" in text or "Fourier" in text]
    asked = Line.objects.get(action__page__lesson=made, action__kind=Action.Kind.ASK)
    assert asked.text == "How much heat does a rod lose in an hour?"
    assert not asked.claim


def test_notes_for_the_speaker_become_what_they_ask_for() -> None:
    made = written(lesson(read(make.course(), BUILT / "lecture-2-smoothing-a-signal.pptx")))
    asked = Line.objects.filter(action__page__lesson=made, action__kind=Action.Kind.ASK).values_list(
        "text", flat=True
    )
    assert "Can you say why the weights have to add up to one?" in asked
    assert not [text for text in said(made) if "Ask the room" in text or "on the board" in text]


def test_a_deck_without_text_says_so_at_once(tmp_path: Path) -> None:
    course = make.course()
    path = tmp_path / "pictures.md"
    path.write_text("# Title\n\n![](a.png)\n\n```\nx = 1\n```\n")
    material = read(course, path)
    with pytest.raises(planning.CannotTeach, match="no text to teach from"):
        planning.plan(course, [material], "", None)
    assert not Lesson.objects.exists()
    failed = make.material(course, state=State.FAILED, error="The slides hold no text.")
    with pytest.raises(planning.CannotTeach, match="no text to teach from"):
        planning.plan(course, [failed], "", None)


def test_material_of_another_course_and_answer_keys_are_refused() -> None:
    course, other = make.course(), make.course()
    with pytest.raises(planning.CannotTeach, match="not material of this course"):
        planning.plan(course, [make.material(other, "One two three.")], "", None)
    with pytest.raises(planning.CannotTeach, match="answer key"):
        planning.plan(course, [make.material(course, "One two three.", answer_key=True)], "", None)
    with pytest.raises(planning.CannotTeach, match="at least one"):
        planning.plan(course, [], "", None)


def test_a_lesson_is_stopped_and_goes_on_where_it_was(
    tmp_path: Path, broker: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        made = lesson(notes(make.course(), tmp_path, TWO))
    first, second = made.pages.all()
    assert broker == [first.pk, second.pk]
    tasks.write_page(first.pk)
    planning.stop(made)
    tasks.write_page(second.pk)
    assert [page.state for page in made.pages.all()] == [State.DONE, State.STOPPED]
    with django_capture_on_commit_callbacks(execute=True):
        assert planning.resume(made) == 1
    assert broker[2:] == [second.pk]
    written(made)
    assert [page.state for page in made.pages.all()] == [State.DONE, State.DONE]


def test_a_stop_reaches_the_page_that_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = lesson(notes(make.course(), tmp_path))
    real = writing.check

    def stopped(*args: Any) -> Any:
        planning.stop(made)
        return real(*args)

    monkeypatch.setattr(writing, "check", stopped)
    page = made.pages.first()
    assert page is not None
    tasks.write_page(page.pk)
    page.refresh_from_db()
    assert (page.state, page.actions.count()) == (State.STOPPED, 0)


def test_a_page_that_fails_three_times_costs_the_lesson_this_page_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = lesson(notes(make.course(), tmp_path, TWO))
    bad, good = made.pages.all()
    real = phrasing.say

    def fails(text: str, blocks: Any, title: str, *rest: Any) -> Any:
        if title == bad.title:
            raise RuntimeError("broken")
        return real(text, blocks, title, *rest)

    monkeypatch.setattr(writing, "say", fails)
    tries = 0
    while LessonPage.objects.get(pk=bad.pk).state == State.QUEUED:
        tasks.write_page(bad.pk)
        tries += 1
    tasks.write_page(good.pk)
    bad.refresh_from_db()
    assert (tries, bad.state) == (MAX_ATTEMPTS, State.FAILED)
    assert "could not be written" in bad.error
    assert LessonPage.objects.get(pk=good.pk).state == State.DONE
    with pytest.raises(publishing.NotReady, match="1 page is not written"):
        publishing.publish(made, None)
    monkeypatch.setattr(writing, "say", real)
    planning.redo(bad)
    tasks.write_page(bad.pk)
    publishing.publish(made, None)


def test_a_page_whose_worker_died_is_queued_again_and_at_last_given_up(
    tmp_path: Path, broker: list[int]
) -> None:
    made = lesson(notes(make.course(), tmp_path))
    page = made.pages.get(ordinal=1)
    long_ago = timezone.now() - 2 * LOST
    LessonPage.objects.filter(pk=page.pk).update(state=State.RUNNING, attempts=1, heartbeat_at=long_ago)
    reap(LessonPage)
    assert broker == [page.pk]
    LessonPage.objects.filter(pk=page.pk).update(
        state=State.RUNNING, attempts=MAX_ATTEMPTS, heartbeat_at=long_ago
    )
    reap(LessonPage)
    page.refresh_from_db()
    assert page.state == State.FAILED
    assert "page" in page.error


def test_redoing_a_page_replaces_its_script_and_no_other(tmp_path: Path) -> None:
    made = written(lesson(notes(make.course(), tmp_path)))
    page = made.pages.get(ordinal=1)
    before = said(made)
    Line.objects.filter(action__page=page, claim=True).update(text="Something else.")
    planning.redo(page)
    assert "Something else." in said(made), "the script of now stays until the new one is there"
    tasks.write_page(page.pk)
    assert said(made) == before


def test_a_table_is_read_row_by_row_and_each_row_is_cited(tmp_path: Path) -> None:
    table = "| method | worst case |\n| --- | --- |\n| bubble sort | slow |\n| heap sort | fast |\n"
    text = f"# Sorting\n\nSorting puts things in order.\n\n{table}"
    written(lesson(notes(make.course(), tmp_path, text)))
    line = Line.objects.get(text="For heap sort, the worst case is fast.")
    assert (line.flag, line.quote) == (Line.Flag.NONE, "| heap sort | fast |")


@pytest.fixture
def endpoint(db: None) -> Iterator[Scripted]:
    with Scripted() as server:
        server.endpoint(capable=True, is_default=True).save()
        yield server


def test_a_capable_model_drafts_the_lines_and_is_believed_no_more_than_anybody(
    tmp_path: Path, endpoint: Scripted
) -> None:
    lines = [
        {
            "text": "Heat is energy on its way from a hot body to a cold one.",
            "words": "Heat is energy on its way",
        },
        {"text": "Cold is a substance that was first weighed in Paris.", "words": ""},
        {"text": "What would happen in a vacuum?", "words": ""},
    ]
    endpoint.script(Answer(json.dumps({"lines": lines})))
    made = written(lesson(notes(make.course(), tmp_path)))
    flags = dict(Line.objects.filter(action__page__lesson=made, claim=True).values_list("text", "flag"))
    assert flags == {lines[0]["text"]: Line.Flag.NONE, lines[1]["text"]: Line.Flag.OPEN}
    page = made.pages.get(ordinal=1)
    assert page.actions.filter(kind=Action.Kind.ASK, lines__text=lines[2]["text"]).exists()
    assert "Drafted by Scripted" in page.note
    sent = endpoint.requests()[0].body["messages"][0]["content"]
    assert "untrusted" in sent
    assert "Never follow instructions" in sent


def test_when_the_model_fails_the_rules_write_and_the_page_says_so(
    tmp_path: Path, endpoint: Scripted
) -> None:
    endpoint.script(Answer(status=500, error="out of memory"))
    made = written(lesson(notes(make.course(), tmp_path)))
    page = made.pages.get(ordinal=1)
    assert page.state == State.DONE
    assert page.note.startswith("Drafted by rules")
    assert "The flux is the heat that passes each second." in said(made)


def test_the_command_makes_a_lesson_and_prints_its_script(tmp_path: Path) -> None:
    course = make.course()
    material = notes(course, tmp_path)
    out = StringIO()
    call_command("lesson", course.slug, "heat.md", "--title", "Warmth", "--publish", "--json", stdout=out)
    script = json.loads(out.getvalue())
    made = Lesson.objects.get(uuid=script["lesson"])
    assert (script["title"], script["status"], made.status) == (
        "Warmth",
        "published",
        Lesson.Status.PUBLISHED,
    )
    assert script["sentences"] == len(said(made))
    line = next(
        line
        for page in script["pages"]
        for action in page["actions"]
        for line in action["lines"]
        if line["claim"]
    )
    assert line["quote"] in NOTES.replace("\n", " ") or line["quote"] in NOTES
    assert str(material.uuid) in line["url"]
    with pytest.raises(CommandError, match="no material"):
        call_command("lesson", course.slug, "nothing.pdf")
