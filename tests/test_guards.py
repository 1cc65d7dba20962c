"""What must hold of every page, socket, task and file, present and future, without anybody remembering it."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.routing import URLRouter
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from coach import instruments
from coach.models import Calibration, RatingTask, Report
from courses.models import Invitation, Role
from tests import make
from tutor.accounts.models import User
from tutor.celery import QUEUES
from tutor.celery import app as celery
from tutor.chat.models import Conversation, StaffQuestion, Turn
from tutor.classrooms.models import (
    Agent,
    Classroom,
    Decision,
    Explanation,
    Lesson,
    LessonPage,
    Note,
    Proposal,
    Teaching,
)
from tutor.practice.models import Dispute
from tutor.studio.models import Adapter, Dataset, Evaluation, Example, Exercise, ExerciseAttempt, Run

ROOT = Path(__file__).parent.parent
OURS = {
    "courses",
    "chat",
    "classrooms",
    "practice",
    "exercises",
    "coach",
    "dashboard",
    "accounts",
    "llm",
    "studio",
}

# Pages that anybody who signed in may open. Everything else must know who asks.
PERSONAL = {"courses:home", "courses:join", "accounts:profile", "accounts:export", "accounts:delete"}
# Pages of coaching that know from the signed-in person what to show, or refuse whoever is no coach.
OWN_COACHING = {"coach:home", "coach:trends", "coach:new"}
# Pages of a course that its students use. Every other page of a course is for those who teach it.
FOR_STUDENTS = {
    "chat:course",
    "chat:conversations",
    "chat:conversation",
    "chat:export",
    "chat:feedback",
    "chat:ask_staff",
    "chat:replies",
    "classrooms:lobby",
    "classrooms:open",
    "classrooms:join",
    "classrooms:classroom",
    "classrooms:act",
    "classrooms:notes",
    "classrooms:keep",
    "classrooms:classmates",
    "classrooms:teaching",
    "classrooms:explain",
    "classrooms:take_back",
    "classrooms:test_classmate",
    "practice:knowledge",
    "practice:disagree",
    "practice:practice",
    "exercises:exercises",
    "exercises:exercise",
    "exercises:try",
    "exercises:attempt",
    "courses:source",
    "courses:source_data",
    "courses:file",
    "courses:asset",
}
# Pages that need no sign-in.
PUBLIC = {"courses:join", "dashboard:healthz"}


@dataclass(frozen=True)
class Page:
    name: str
    route: str
    parameters: tuple[str, ...]

    def url(self, values: dict[str, Any]) -> str:
        """The path with the values put in; a parameter without a value fails the test that asks."""
        path = self.route
        for name in self.parameters:
            assert name in values, (
                f"{self.name}: tell tests/test_guards.py what <{name}> is (see `World.values`)"
            )
            path = re.sub(rf"<(\w+:)?{name}>", str(values[name]), path)
        return f"/{path}"


def pages(patterns: list[URLPattern | URLResolver], prefix: str = "", space: str = "") -> Iterator[Page]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from pages(pattern.url_patterns, route, pattern.namespace or space)
        elif space in OURS:
            names = tuple(re.findall(r"<(?:\w+:)?(\w+)>", route))
            yield Page(f"{space}:{pattern.name}", route, names)


PAGES = sorted(pages(get_resolver().url_patterns), key=lambda page: page.name)
COURSE_PAGES = [page for page in PAGES if "slug" in page.parameters]
SITE_PAGES = [page for page in PAGES if page.route.startswith("site/")]
COACH_PAGES = [page for page in PAGES if page.name.startswith("coach:") and page.name not in OWN_COACHING]
STAFF_PAGES = [page for page in COURSE_PAGES if page.name not in FOR_STUDENTS]


def named(page: Page) -> str:
    return page.name


@dataclass
class World:
    """A course with one of everything, and people around it."""

    student: User
    instructor: User
    outsider: User
    elsewhere: User  # teaches another course
    values: dict[str, Any]  # what stands for each URL parameter
    values_elsewhere: dict[str, Any]  # the same objects under the slug of the other course


@pytest.fixture
def world(db: None) -> World:
    course, other = make.course(), make.course()
    student, instructor = make.enrol(course), make.enrol(course, role=Role.INSTRUCTOR)
    elsewhere = make.enrol(other, role=Role.INSTRUCTOR)
    material = make.material(course, "The mean of n readings.", filename="notes.md")
    passage = make.passage(material, "The mean of n readings.")
    conversation = Conversation.objects.create(course=course, user=student)
    turn = Turn.objects.create(conversation=conversation, ordinal=1, question="What is the mean?")
    question = StaffQuestion.objects.create(turn=turn)
    lesson = Lesson.objects.create(course=course, title="Averages")
    classroom = Classroom.objects.create(
        course=course, lesson=lesson, conversation=conversation, created_by=student
    )
    page = LessonPage.objects.create(lesson=lesson, ordinal=1, material=material)
    teaching = Teaching.objects.create(course=course, lesson=lesson, user=student)
    decision = Decision.objects.create(
        classroom=classroom,
        state={},
        candidates=[{"agent": 0, "act": "read"}],
        chosen=0,
        reason="",
        by="rule",
    )
    item = make.item(passage)
    observation = make.observation(instructor)
    Report.objects.create(observation=observation, state="done", status="shared", revision=1)
    task = RatingTask.objects.create(
        observation=observation, instrument=instruments.active()[0], rater=make.user(is_coach=True)
    )
    dataset = Dataset.objects.create(course=course, title="Pairs", state="done")
    example = Example.objects.create(
        dataset=dataset, kind="own", question="What is the mean?", answer="The sum over n."
    )
    run = Run.objects.create(course=course, dataset=dataset, base="smollm2", state="done")
    adapter = Adapter.objects.create(course=course, run=run, name="guarded", base="smollm2", sha256="0")
    evaluation = Evaluation.objects.create(course=course, adapter=adapter, dataset=dataset, state="done")
    exercise = Exercise.objects.create(course=course, title="Adding", standing="kept", passed=True)
    values = {
        "slug": course.slug,
        "dataset": dataset.pk,
        "example": example.pk,
        "run": run.pk,
        "adapter": adapter.pk,
        "evaluation": evaluation.pk,
        "material": material.uuid,
        "passage": passage.pk,
        "cue": 0,
        "name": "figure.png",
        "token": "no-such-token",
        "invitation": Invitation.objects.create(course=course).pk,
        "enrolment": course.enrolments.get(user=student).pk,
        "conversation": conversation.uuid,
        "turn": turn.uuid,
        "lesson": lesson.uuid,
        "page": page.pk,
        "agent": Agent.objects.create(course=course, name="Ada", function="teaching").pk,
        "classroom": classroom.uuid,
        "teaching": teaching.uuid,
        "explanation": Explanation.objects.create(teaching=teaching, text="The mean is the sum over n.").pk,
        "decision": decision.pk,
        "proposal": Proposal.objects.create(page=page, kind="add", before=0).pk,
        "note": Note.objects.create(classroom=classroom, text="The mean of n readings.").pk,
        "question": question.pk,
        "skill": item.skill_id,
        "item": item.uuid,
        "exercise": exercise.uuid,
        "attempt": ExerciseAttempt.objects.create(exercise=exercise, user=student).uuid,
        "dispute": Dispute.objects.create(user=student, skill=item.skill, text="I meant the median.").pk,
        "user": student.pk,
        "person": student.pk,
        "course": course.pk,
        "observation": observation.uuid,
        "ending": "csv",
        "instrument": task.instrument.name,
        "calibration": Calibration.objects.create(instrument=task.instrument, state="done").pk,
        "task": task.pk,
        "teacher": instructor.uuid,
        "endpoint": 1,
        "quota": 1,
        "starter": 1,
        "pk": 1,
    }
    return World(student, instructor, make.user(), elsewhere, values, {**values, "slug": other.slug})


def refuses(client: Client, url: str, method: str) -> None:
    """The page says no: not signed in, not allowed or not found; and says it without an error of its own."""
    response = getattr(client, method)(url)
    if response.status_code == 302:
        assert "/accounts/login/" in response["Location"], f"{method} {url} leads to {response['Location']}"
    elif response.status_code == 204:
        assert "/row/" in url  # of a material that is not there: the list drops it
    else:
        assert response.status_code in (403, 404, 405), f"{method} {url} answered {response.status_code}"


def test_the_people_of_these_tests_are_really_signed_in(world: World) -> None:
    for person in (world.student, world.instructor):
        client = Client()
        client.force_login(person)
        assert client.get(f"/c/{world.values['slug']}/").status_code == 200


METHODS = ["get", "post", "patch", "delete"]


@pytest.mark.parametrize("target", COURSE_PAGES, ids=named)
def test_course_pages_refuse_strangers_outsiders_and_other_courses(target: Page, world: World) -> None:
    url = target.url(world.values)
    for person in (None, world.outsider, world.elsewhere):
        client = Client()
        if person is not None:
            client.force_login(person)
        for method in METHODS:
            refuses(client, url, method)


@pytest.mark.parametrize("target", [page for page in COURSE_PAGES if len(page.parameters) > 1], ids=named)
def test_an_object_of_one_course_is_not_found_under_another(target: Page, world: World) -> None:
    client = Client()
    client.force_login(world.elsewhere)
    for method in METHODS:
        refuses(client, target.url(world.values_elsewhere), method)


@pytest.mark.parametrize("target", STAFF_PAGES, ids=named)
def test_students_are_refused_where_only_staff_may_go(target: Page, world: World) -> None:
    client = Client()
    client.force_login(world.student)
    for method in METHODS:
        refuses(client, target.url(world.values), method)


@pytest.mark.parametrize("target", SITE_PAGES, ids=named)
def test_the_site_pages_are_for_admins(target: Page, world: World) -> None:
    url = target.url(world.values)
    for person in (None, world.student, world.instructor):
        client = Client()
        if person is not None:
            client.force_login(person)
        for method in METHODS:
            refuses(client, url, method)


@pytest.mark.parametrize("target", COACH_PAGES, ids=named)
def test_a_lesson_and_what_coaches_see_of_it_are_refused_to_everybody_else(
    target: Page, world: World
) -> None:
    url = target.url(world.values)
    for person in (None, world.student, world.outsider, world.elsewhere):
        client = Client()
        if person is not None:
            client.force_login(person)
        for method in METHODS:
            refuses(client, url, method)


def test_every_page_is_known_to_the_guards() -> None:
    known = {page.name for page in COURSE_PAGES + SITE_PAGES + COACH_PAGES} | PERSONAL | PUBLIC
    known |= OWN_COACHING | {"courses:new"}
    assert {page.name for page in PAGES} <= known
    assert {page.name for page in COURSE_PAGES} >= FOR_STUDENTS


@pytest.mark.parametrize("target", PAGES, ids=named)
def test_every_page_needs_a_sign_in(target: Page, world: World) -> None:
    if target.name not in PUBLIC:
        refuses(Client(), target.url(world.values), "get")


@pytest.mark.parametrize("target", PAGES, ids=named)
def test_every_page_has_a_policy_that_forbids_inline_script(target: Page, world: World) -> None:
    client = Client()
    for person in (world.instructor, make.user(is_superuser=True, is_staff=True)):
        client.force_login(person)
        response = client.get(target.url(world.values))
        policy = response.get("Content-Security-Policy", "")
        assert "script-src" in policy or "sandbox" in policy, (
            f"{target.name} ({response.status_code}) has no policy"
        )
        scripts = [part for part in policy.split(";") if not part.strip().startswith("style-src")]
        assert "unsafe-inline" not in ("".join(scripts) if "sandbox" in policy else policy)
        assert "unsafe-eval" not in policy
        assert response.status_code < 500 or target.name == "dashboard:health_json"  # 503: something is ill


INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*type=\"(application/json|importmap)\")|<style\b|\sstyle=\"|\son[a-z]+=\"",
    re.IGNORECASE,
)


@pytest.mark.parametrize("template", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: path.name)
def test_templates_hold_no_inline_script_or_style(template: Path) -> None:
    found = INLINE.search(template.read_text())
    assert found is None, (
        f"{template.relative_to(ROOT)}: {found[0]!r} would be refused by the content security policy"
    )


def sockets() -> list[URLPattern]:
    found: list[URLPattern] = importlib.import_module("tutor.chat.urls").websocket_urlpatterns
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("who", ["nobody", "outsider", "elsewhere", "classmate"])
async def test_every_socket_refuses_whom_it_does_not_belong_to(who: str) -> None:
    def people() -> tuple[User | AnonymousUser, dict[str, Any]]:
        course = make.course()
        conversation = Conversation.objects.create(course=course, user=make.enrol(course))
        persons: dict[str, User | AnonymousUser] = {
            "nobody": AnonymousUser(),
            "outsider": make.user(),
            "elsewhere": make.enrol(make.course(), role=Role.INSTRUCTOR),
            "classmate": make.enrol(course),
        }
        return persons[who], {"conversation": conversation.uuid, "uuid": conversation.uuid}

    person, values = await sync_to_async(people)()
    assert sockets(), "there is no socket to guard"
    for pattern in sockets():
        names = re.findall(r"<(?:\w+:)?(\w+)>", str(pattern.pattern))
        page = Page(str(pattern.name), str(pattern.pattern), tuple(names))
        for url in (page.url(values), page.url(dict.fromkeys(values, uuid.uuid4()))):
            scope: dict[str, Any] = {
                "type": "websocket",
                "path": url,
                "headers": [],
                "subprotocols": [],
                "query_string": b"",
                "user": person,
            }
            socket = ApplicationCommunicator(URLRouter(sockets()), scope)
            await socket.send_input({"type": "websocket.connect"})
            message = await socket.receive_output(5)
            if message["type"] == "websocket.accept":  # only to say why it closes
                await socket.send_input(
                    {"type": "websocket.receive", "text": '{"type": "resume", "after": {}}'}
                )
                message = await socket.receive_output(5)
            assert message["type"] == "websocket.close", f"{who} may talk to {url}"


def test_every_task_names_its_queue_and_survives_a_lost_worker() -> None:
    celery.loader.import_default_modules()
    tasks = {name: task for name, task in celery.tasks.items() if not name.startswith("celery.")}
    assert "courses.ingest_material" in tasks
    for name, task in tasks.items():
        assert getattr(task, "queue", None) in QUEUES, f"{name} names no queue"
        assert task.acks_late, f"{name} is lost when its worker dies"


HEAVY = [
    "torch",
    "transformers",
    "sentence_transformers",
    "faiss",
    "peft",
    "trl",
    "faster_whisper",
    "rapidocr",
    "onnxruntime",
]


@pytest.mark.parametrize(
    "start", ["django.setup()", "django.setup(); import tutor.urls", "import tutor.asgi"]
)
def test_starting_up_loads_no_model_library(start: str) -> None:
    program = f"import sys, django; {start}; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


@pytest.mark.django_db
def test_migrations_are_complete() -> None:
    said = StringIO()
    call_command("makemigrations", "--check", "--dry-run", stdout=said)
    assert "No changes detected" in said.getvalue()


def committed(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, check=True)
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_nothing_committed_names_a_path_of_one_machine() -> None:
    private = re.compile(
        "|".join(["/" + folder + "/" for folder in ("work", "farm", "root", "home/[a-z]+")])
        + "|/opt"
        + "/wheels"
    )
    for path in committed():
        if "vendor" in path.parts or path.suffix in {".pdf", ".pptx", ".ogg", ".png", ".woff2"}:
            continue
        found = private.search(path.read_text(errors="replace"))
        assert found is None, f"{path.relative_to(ROOT)} names {found[0]!r}"


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "helpers", "common", "base", "manager", "managers", "services", "misc"}
    for path in committed("*.py"):
        assert path.stem not in empty, f"{path.relative_to(ROOT)}: name it after its work"
