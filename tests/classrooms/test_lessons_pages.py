"""The pages on which lessons are made, watched, edited, reviewed and kept up to date."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from courses.models import Course, Extract, Material, Role
from tests import make
from tutor.accounts.models import User
from tutor.classrooms import additions, publishing, staleness, tasks
from tutor.classrooms.models import Action, Agent, Lesson, LessonPage, Line
from tutor.jobs import State
from tutor.practice.models import Item

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def broker(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pages whose writing was queued."""
    sent: list[int] = []
    monkeypatch.setattr(tasks.write_page, "delay", sent.append)
    return sent


@pytest.fixture
def course(db: None) -> Course:
    return make.course("Signals")


@pytest.fixture
def teacher(course: Course) -> User:
    return make.enrol(course, make.user(name="Iris"), Role.INSTRUCTOR)


@pytest.fixture
def client(teacher: User) -> Client:
    client = Client()
    client.force_login(teacher)
    return client


@pytest.fixture
def draft(course: Course) -> Lesson:
    return make.lesson(course, Lesson.Status.DRAFT)


def change(client: Client, page: LessonPage, **data: Any) -> Any:
    url = reverse("classrooms:lesson_change", args=[page.lesson.course.slug, page.lesson.uuid, page.pk])
    return client.post(url, json.dumps(data), content_type="application/json")


def act(client: Client, lesson: Lesson, action: str, **data: Any) -> Any:
    url = reverse("classrooms:lesson_act", args=[lesson.course.slug, lesson.uuid])
    return client.post(url, {"action": action, **data}, follow=True)


def first(lesson: Lesson) -> LessonPage:
    return lesson.pages.select_related("lesson__course").get(ordinal=1)


def texts(lesson: Lesson) -> list[str]:
    rows = Line.objects.filter(action__page__lesson=lesson)
    return list(
        rows.order_by("action__page__ordinal", "action__ordinal", "ordinal").values_list("text", flat=True)
    )


def test_a_lesson_is_planned_from_the_chosen_materials_in_their_order(
    client: Client, course: Course, broker: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    made = [
        make.material(course, f"The {name} of the readings is a number that sums them up.")
        for name in ("mean", "mode")
    ]
    for row in made:
        make.passage(row, row.extract.text)
    url = reverse("classrooms:lesson_new", args=[course.slug])
    assert made[0].title in client.get(url).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(url, {"title": "Both", "material": [str(made[1].uuid), str(made[0].uuid)]})
    lesson = Lesson.objects.get(title="Both")
    assert response["Location"] == lesson.get_absolute_url()
    assert [page.material for page in lesson.pages.all()] == [made[1], made[0]]
    assert broker == [page.pk for page in lesson.pages.all()]
    status = client.get(reverse("classrooms:lesson_status", args=[course.slug, lesson.uuid])).json()
    assert status["summary"]["busy"]
    assert {row["state"] for row in status["pages"].values()} == {"queued"}
    refused = client.post(url, {"title": "None"})
    assert (refused.status_code, "Choose at least one" in refused.content.decode()) == (422, True)


def test_material_of_another_course_cannot_be_chosen(client: Client, course: Course) -> None:
    other = make.material(make.course(), "The mean of other readings is a number too.")
    response = client.post(
        reverse("classrooms:lesson_new", args=[course.slug]), {"material": [str(other.uuid)]}
    )
    assert response.status_code == 422
    assert not Lesson.objects.exists()


def test_pages_show_a_lesson_in_every_state(
    client: Client, course: Course, draft: Lesson, teacher: User
) -> None:
    empty = reverse("classrooms:lessons", args=[make.course().slug])
    assert client.get(empty).status_code == 404
    page = first(draft)
    for state, word in (
        (State.RUNNING, "Being written"),
        (State.FAILED, "Redo this page"),
        (State.DONE, "Publish"),
    ):
        LessonPage.objects.filter(pk=page.pk).update(state=state)
        assert word in client.get(draft.get_absolute_url()).content.decode()
    publishing.publish(draft, teacher)
    shown = client.get(draft.get_absolute_url()).content.decode()
    assert "This version is frozen" in shown
    assert "data-do=" not in shown
    assert draft.title in client.get(reverse("classrooms:lessons", args=[course.slug])).content.decode()


@pytest.mark.model
def test_what_is_edited_is_verified_at_once(client: Client, draft: Lesson) -> None:
    page = first(draft)
    line = Line.objects.filter(action__page=page, claim=True)[0]
    wrong = change(
        client, page, do="line.write", line=line.pk, text="The mean is the largest of the readings."
    )
    assert wrong.json()["summary"]["flags"] == 1
    assert "Not in the material" in wrong.json()["html"] or "Only partly" in wrong.json()["html"]
    assert "flagged" in act(client, draft, "publish").content.decode()
    right = change(
        client,
        page,
        do="line.write",
        line=line.pk,
        text="The mean of the readings is their sum divided by their number.",
    )
    line.refresh_from_db()
    assert right.json()["summary"]["flags"] == 0
    assert line.quote.startswith("The mean of the readings is their sum")


@pytest.mark.model
def test_a_transition_cannot_smuggle_in_a_claim(client: Client, draft: Lesson) -> None:
    page = first(draft)
    line = Line.objects.filter(action__page=page, claim=False)[0]
    for text, flags in (
        ("Next: the moon is made of green cheese.", 1),
        ("The moon is made of green cheese.", 1),
        ("Now to the moon.", 0),
        ("Is the moon made of green cheese?", 0),
    ):
        answer = change(client, page, do="line.write", line=line.pk, text=text)
        assert answer.json()["summary"]["flags"] == flags, text


@pytest.mark.model
def test_flags_are_settled_by_name_or_dropped(client: Client, draft: Lesson, teacher: User) -> None:
    page = first(draft)
    kept, dropped = Line.objects.filter(action__page=page, claim=True)
    Line.objects.filter(pk__in=[kept.pk, dropped.pk]).update(flag=Line.Flag.OPEN, verdict="unsupported")
    change(client, page, do="line.accept", line=kept.pk)
    change(client, page, do="line.drop", line=dropped.pk)
    kept.refresh_from_db()
    assert (kept.flag, kept.settled_by) == (Line.Flag.ACCEPTED, teacher)
    assert not Line.objects.filter(pk=dropped.pk).exists()
    assert "is published" in act(client, draft, "publish").content.decode()
    assert change(client, page, do="line.drop", line=kept.pk).status_code == 409
    assert change(client, page, do="page.redo").status_code == 409


@pytest.mark.model
def test_lines_and_actions_are_added_moved_and_removed(client: Client, draft: Lesson) -> None:
    page = first(draft)
    read = page.actions.filter(kind=Action.Kind.READ).last()
    assert read is not None
    one, two = read.lines.all()
    change(client, page, do="line.up", line=two.pk)
    assert [line.pk for line in read.lines.all()] == [two.pk, one.pk]
    change(client, page, do="line.add", action=read.pk, after=two.pk, text="One wild reading moves the mean.")
    assert [line.text for line in read.lines.all()][1] == "One wild reading moves the mean."
    before = [action.kind for action in page.actions.all()]
    change(client, page, do="action.add", kind="ask", after=read.pk, text="Why is that?")
    assert [action.kind for action in page.actions.all()] == [*before[:4], "ask", *before[4:]]
    asked = page.actions.get(lines__text="Why is that?")
    change(client, page, do="action.up", action=asked.pk)
    assert [action.pk for action in page.actions.all()].index(asked.pk) == 3
    change(client, page, do="action.remove", action=asked.pk)
    assert [action.kind for action in page.actions.all()] == before
    assert [action.ordinal for action in page.actions.all()] == list(range(1, len(before) + 1))
    show = page.actions.get(kind=Action.Kind.SHOW)
    assert change(client, page, do="action.remove", action=show.pk).status_code == 409


def test_a_region_stays_on_its_page_and_an_item_in_its_course(client: Client, draft: Lesson) -> None:
    page = first(draft)
    point = page.actions.get(kind=Action.Kind.POINT)
    given = client.get(
        reverse("classrooms:lesson_material", args=[draft.course.slug, draft.uuid, page.pk])
    ).json()
    assert given["start"] == page.start
    assert (
        change(
            client, page, do="action.point", action=point.pk, start=page.start, end=page.start + 8
        ).status_code
        == 200
    )
    point.refresh_from_db()
    assert point.region == {"start": page.start, "end": page.start + 8}
    assert (
        change(client, page, do="action.point", action=point.pk, start=0, end=page.end + 1).status_code == 409
    )
    quiz = page.actions.get(kind=Action.Kind.QUIZ)
    passage = page.passages.get()
    other = make.item(passage, prompt="What moves the mean?", skill="Wild readings")
    assert change(client, page, do="action.swap", action=quiz.pk, item=other.pk).status_code == 200
    quiz.refresh_from_db()
    assert quiz.item == other
    foreign = make.item(
        make.passage(make.material(make.course(), "A text of another course."), "A text of another course.")
    )
    assert change(client, page, do="action.swap", action=quiz.pk, item=foreign.pk).status_code == 409
    Item.objects.filter(pk=other.pk).update(state=Item.State.RETIRED)
    assert other.pk not in {item["id"] for item in client.get(
        reverse("classrooms:lesson_material", args=[draft.course.slug, draft.uuid, page.pk])
    ).json()["items"]}  # fmt: skip


def test_what_belongs_to_another_page_or_lesson_is_not_found(
    client: Client, course: Course, draft: Lesson
) -> None:
    other = make.lesson(course, Lesson.Status.DRAFT)
    line = Line.objects.filter(action__page__lesson=other)[0]
    assert change(client, first(draft), do="line.write", line=line.pk, text="Mine.").status_code == 404
    url = reverse("classrooms:lesson_change", args=[course.slug, draft.uuid, first(other).pk])
    assert client.post(url, "{}", content_type="application/json").status_code == 404
    for body in ("nonsense", "[]", '{"do": "page.burn"}', '{"do": "line.write", "line": "x"}'):
        url = reverse("classrooms:lesson_change", args=[course.slug, draft.uuid, first(draft).pk])
        assert client.post(url, body, content_type="application/json").status_code == 400


def test_pages_are_described_moved_and_removed(client: Client, draft: Lesson) -> None:
    page = first(draft)
    change(client, page, do="page.describe", title="Averages", description="What they are.", section="A > B")
    change(client, page, do="page.down")
    assert [row.title for row in draft.pages.all()] == ["The median", "Averages"]
    assert draft.pages.get(title="Averages").section == ["A", "B"]
    assert change(client, draft.pages.get(title="The median"), do="page.remove").json()["reload"]
    assert [(row.ordinal, row.title) for row in draft.pages.all()] == [(1, "Averages")]
    assert change(client, draft.pages.get(), do="page.remove").status_code == 409


def new_version(material: Material, text: str) -> Material:
    """The material's next version, read and in use."""
    new = make.material(
        material.course, text, title=material.title, version=material.version + 1, replaces=material
    )
    Material.objects.filter(pk=material.pk).update(superseded=True)
    return new


def test_what_went_stale_is_listed_with_what_changed(client: Client, course: Course) -> None:
    lesson = make.lesson(course)
    assert not staleness.stale_lessons(course).exists()
    old = lesson.materials.get()
    text = Extract.objects.get(material=old).text.replace(
        "One wild reading moves the mean.", "The mean is not robust."
    )
    new = new_version(old, text)
    for _, words in make.LESSON:
        changed = words.replace("One wild reading moves the mean.", "The mean is not robust.")
        make.passage(new, changed)
    block = new.extract.blocks[0]
    split = text.index("\n\n")
    new.extract.blocks = [
        {**block, "end": split, "anchor": {"path": ["The mean"]}},
        {**block, "start": split + 2, "anchor": {"path": ["The median"]}},
    ]
    new.extract.save()
    assert list(staleness.stale_lessons(course)) == [lesson]
    mean, _ = staleness.stale_pages(lesson)
    assert mean.gone == ["One wild reading moves the mean."]
    assert mean.new == ["The mean is not robust."]
    assert [line.text for line in mean.lines] == ["One wild reading moves the mean."]
    assert len(mean.items) == 1
    shown = client.get(lesson.get_absolute_url()).content.decode()
    assert "The mean is not robust." in shown
    assert "new version (2)" in shown


def test_a_page_that_only_the_new_version_has_is_offered_and_added_at_its_place(
    client: Client, course: Course, broker: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    lesson = make.lesson(course)
    assert additions.additions(lesson) == []
    old = lesson.materials.get()
    mean, median = (words for _, words in make.LESSON)
    mode = "The mode is whatever value occurs most often among all of them, and there may be several."
    new = new_version(old, "\n\n".join([mean, mode, median]))
    sections(old, {"The mean": mean, "The median": median})
    sections(new, {"The mean": mean, "The mode": mode, "The median": median})
    make.passage(new, mode)
    offered = additions.additions(lesson)
    assert [(one.material, one.stretch.title) for one in offered] == [(new, "The mode")]
    shown = client.get(lesson.get_absolute_url()).content.decode()
    assert "1 page that only the new version has" in shown
    where = {"material": new.pk, "start": offered[0].stretch.start}
    with django_capture_on_commit_callbacks(execute=True):
        act(client, lesson, "add", **where)
    draft = Lesson.objects.get(replaces=lesson)
    assert [page.title for page in draft.pages.all()] == ["The mean", "The mode", "The median"]
    added = draft.pages.get(title="The mode")
    assert (added.material, broker, added.section) == (new, [added.pk], first(draft).section)
    assert additions.additions(draft) == []
    assert "in the lesson already" in act(client, draft, "add", **where).content.decode()
    assert lesson.pages.count() == 2, "a published version is frozen"


def sections(material: Material, words: dict[str, str]) -> None:
    """Let the material's text be these sections, by title."""
    extract = Extract.objects.get(material=material)
    spans = [(title, extract.text.index(said), len(said)) for title, said in words.items()]
    extract.blocks = [
        {**extract.blocks[0], "start": start, "end": start + length, "anchor": {"path": [title]}}
        for title, start, length in spans
    ]
    extract.save()


@pytest.mark.model
def test_one_click_redoes_a_stale_page_in_a_new_draft(
    client: Client, course: Course, broker: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    lesson = make.lesson(course)
    before = texts(lesson)
    old = lesson.materials.get()
    words = "The mean of the readings is their sum divided by their number. A trimmed mean leaves out the extremes. "
    new = new_version(old, words * 3)
    make.passage(new, words * 3)
    page = first(lesson)
    with django_capture_on_commit_callbacks(execute=True):
        act(client, lesson, "renew", page=page.pk)
    draft = Lesson.objects.get(replaces=lesson)
    assert (draft.status, draft.version) == (Lesson.Status.DRAFT, 2)
    assert broker == [first(draft).pk]
    tasks.write_page(broker[0])
    page = first(draft)
    assert (page.state, page.material) == (State.DONE, new)
    assert "A trimmed mean leaves out the extremes." in texts(draft)
    assert texts(lesson) == before, "a published version is frozen"


def test_deleted_and_hidden_material_is_said(client: Client, course: Course) -> None:
    lesson = make.lesson(course)
    Material.objects.update(hidden=True)
    assert "hidden from students" in staleness.stale_pages(lesson)[0].reason
    material = lesson.materials.get()
    material.delete()
    found = staleness.stale_pages(lesson)
    assert ["deleted" in one.reason for one in found] == [True, True]
    assert "deleted" in client.get(lesson.get_absolute_url()).content.decode()
    assert "Remove the page" in act(client, lesson, "renew").content.decode()


def test_the_cast_can_be_changed_but_somebody_always_teaches(client: Client, course: Course) -> None:
    url = reverse("classrooms:cast", args=[course.slug])
    assert "Ada" in client.get(url).content.decode()
    agent = {"name": "Lin", "function": "depth", "character": "Doubts.", "model": "", "talkativeness": "7"}
    assert client.post(url, agent).status_code == 302
    assert Agent.objects.get(course=course, name="Lin").talkativeness == 1
    assert client.post(url, agent).status_code == 422, "a name is taken once"
    teacher = Agent.objects.get(course=course, function="teaching")
    off = reverse("classrooms:agent_act", args=[course.slug, teacher.pk])
    assert "Somebody has to teach" in client.post(off, {"action": "deactivate"}, follow=True).content.decode()
    change_it = reverse("classrooms:agent", args=[course.slug, teacher.pk])
    assert client.post(change_it, {**agent, "name": "Ada"}).status_code == 422
    assert client.post(change_it, {**agent, "name": "Grace", "function": "teaching"}).status_code == 302
    teacher.refresh_from_db()
    assert (teacher.name, teacher.active) == ("Grace", True)
