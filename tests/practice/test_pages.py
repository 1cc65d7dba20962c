"""The pages of practice: a student tries, reads what it was worth, objects; those who teach decide and keep the items."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from courses.models import Course, Passage, Role
from tests import make
from tutor import archive
from tutor.accounts.models import User
from tutor.practice.models import Attempt, Dispute, Item

TEXT = "The median is the value in the middle of the sorted readings. One wild reading hardly moves it."


@dataclass
class Scene:
    course: Course
    passage: Passage
    item: Item
    student: User
    teacher: User

    def url(self, name: str, *args: object) -> str:
        return reverse(f"practice:{name}", args=[self.course.slug, *args])

    def client(self, person: User) -> Client:
        client = Client()
        client.force_login(person)
        return client


@pytest.fixture
def scene(db: None) -> Scene:
    course = make.course()
    passage = make.passage(make.material(course, TEXT), TEXT)
    item = make.item(
        passage,
        skill="median",
        prompt="Which of these is in the middle of the sorted readings?",
        options=["the mean", "the median", "the mode"],
        answer="the median",
    )
    return Scene(course, passage, item, make.enrol(course), make.enrol(course, role=Role.STAFF))


def answer(scene: Scene, client: Client, response: str) -> Attempt:
    url = scene.url("practice", scene.item.skill_id)
    page = client.post(url, {"item": scene.item.uuid, "response": response}, follow=True)
    assert page.status_code == 200
    attempt = Attempt.objects.latest("pk")
    assert attempt.feedback.replace("’", "'")[:20] in page.content.decode()
    return attempt


def test_a_student_tries_an_item_and_reads_what_settles_it(scene: Scene) -> None:
    client = scene.client(scene.student)
    url = scene.url("practice", scene.item.skill_id)
    asked = client.get(url).content.decode()
    assert scene.item.prompt in asked
    assert "in the middle of the sorted readings. One" not in asked  # nothing is given away
    wrong = answer(scene, client, "the mean")
    page = client.get(f"{url}?done={wrong.pk}").content.decode()
    assert "<mark>The median is the value in the middle of the sorted readings.</mark>" in page
    assert "One wild reading hardly moves it." in page  # what stands around it
    assert scene.item.source_url.replace("&", "&amp;") in page
    assert scene.item.prompt in client.get(url).content.decode()  # asked again, as it was wrong
    again = answer(scene, client, "the median")
    assert (wrong.helped, again.helped) == (False, True)  # the feedback had said it
    assert "is answered" in client.get(url).content.decode()


def test_reading_it_up_first_counts_as_help(scene: Scene) -> None:
    client = scene.client(scene.student)
    url = scene.url("practice", scene.item.skill_id)
    page = client.get(f"{url}?item={scene.item.uuid}&help=1").content.decode()
    assert "<mark>" in page
    assert answer(scene, client, "the median").helped


@pytest.mark.parametrize(
    ("response", "words"),
    [("", "There is no answer yet"), ("x" * 60_000, "60,000 characters"), ("a zebra", "none of the options")],
)
def test_what_cannot_be_graded_is_refused_in_words(scene: Scene, response: str, words: str) -> None:
    url = scene.url("practice", scene.item.skill_id)
    page = scene.client(scene.student).post(url, {"item": scene.item.uuid, "response": response})
    assert page.status_code == 400
    assert words in page.content.decode()
    assert not Attempt.objects.exists()


def test_items_of_hidden_material_are_not_asked(scene: Scene) -> None:
    client = scene.client(scene.student)
    attempt = answer(scene, client, "the mean")
    scene.passage.material.hidden = True
    scene.passage.material.save()
    url = scene.url("practice", scene.item.skill_id)
    assert client.post(url, {"item": scene.item.uuid, "response": "the median"}).status_code == 404
    assert "not asked any more" in client.get(url).content.decode()
    feedback = client.get(f"{url}?done={attempt.pk}").content.decode()
    assert "<mark>" not in feedback
    known = client.get(scene.url("knowledge")).content.decode()
    assert "You answered: " in known
    assert scene.item.source_url.replace("&", "&amp;") not in known


def test_nobody_reads_the_attempts_of_another(scene: Scene) -> None:
    attempt = answer(scene, scene.client(scene.student), "the mean")
    other = scene.client(make.enrol(scene.course))
    assert other.get(f"{scene.url('practice', scene.item.skill_id)}?done={attempt.pk}").status_code == 404
    assert "You answered" not in other.get(scene.url("knowledge")).content.decode()
    against = {"attempt": attempt.pk, "text": "Mine."}
    assert other.post(scene.url("disagree", scene.item.skill_id), against).status_code == 404


def test_a_student_objects_and_the_staff_uphold_it(scene: Scene) -> None:
    student, teacher = scene.client(scene.student), scene.client(scene.teacher)
    attempt = answer(scene, student, "the mean")
    known = student.get(scene.url("knowledge")).content.decode()
    assert "You answered one question about “median”, wrongly." in known
    against = {"attempt": attempt.pk, "text": "I clicked <b>beside</b> it."}
    for _ in range(2):
        student.post(scene.url("disagree", scene.item.skill_id), against)
    dispute = Dispute.objects.get()
    assert "I clicked &lt;b&gt;beside&lt;/b&gt; it." in teacher.get(scene.url("disputes")).content.decode()
    teacher.post(scene.url("decide", dispute.pk), {"verdict": "uphold", "reply": ""})
    dispute.refresh_from_db()
    assert dispute.upheld is None  # a decision needs a reply
    for verdict in ("uphold", "reject"):
        teacher.post(scene.url("decide", dispute.pk), {"verdict": verdict, "reply": "That happens."})
    dispute.refresh_from_db()
    assert dispute.upheld
    assert (dispute.reply, dispute.decided_by) == ("That happens.", scene.teacher)
    known = student.get(scene.url("knowledge")).content.decode()
    assert "You have not been asked about “median” yet." in known
    assert "That happens." in known
    assert "does not count" in known


def test_nobody_decides_about_their_own_objection(scene: Scene) -> None:
    client = scene.client(scene.teacher)
    attempt = answer(scene, client, "the mean")
    client.post(scene.url("disagree", scene.item.skill_id), {"attempt": attempt.pk, "text": "No."})
    dispute = Dispute.objects.get()
    page = client.post(scene.url("decide", dispute.pk), {"verdict": "uphold", "reply": "Yes."}, follow=True)
    assert "Somebody else has to decide" in page.content.decode()
    dispute.refresh_from_db()
    assert dispute.upheld is None


def test_those_who_teach_edit_retire_and_approve(scene: Scene) -> None:
    answer(scene, scene.client(scene.student), "the mean")
    client = scene.client(scene.teacher)
    page = client.get(scene.url("items")).content.decode()
    assert scene.item.prompt in page
    assert '<td class="num">0 %</td>' in page or '<td class="num">0%</td>' in page
    edit = scene.url("edit_item", scene.item.uuid)
    fields = {"prompt": "Which is in the middle?", "options": "the mean\nthe median\n", "answer": "the mode"}
    assert "none of the options" in client.post(edit, fields).content.decode()
    client.post(edit, {**fields, "answer": "the median"})
    scene.item.refresh_from_db()
    assert (scene.item.prompt, scene.item.options) == ("Which is in the middle?", ["the mean", "the median"])
    client.post(scene.url("set_state", scene.item.uuid), {"state": "retired"})
    practice = scene.url("practice", scene.item.skill_id)
    assert "not asked any more" in scene.client(scene.student).get(practice).content.decode()
    client.post(scene.url("set_state", scene.item.uuid), {"state": "ready"})
    scene.item.refresh_from_db()
    assert scene.item.state == Item.State.READY


def test_attempts_and_objections_are_in_the_copy_of_ones_data_and_go_with_the_account(scene: Scene) -> None:
    client = scene.client(scene.student)
    attempt = answer(scene, client, "the mean")
    client.post(scene.url("disagree", scene.item.skill_id), {"attempt": attempt.pk, "text": "I meant it."})
    copy = json.loads(client.get(reverse("accounts:export")).content)
    assert copy["practice.attempt"][0]["response"] == "the mean"
    assert copy["practice.dispute"][0]["text"] == "I meant it."
    assert "practice.item" not in copy
    client.post(reverse("accounts:delete"), {"email": scene.student.email})
    assert not Attempt.objects.exists()
    assert not Dispute.objects.exists()
    assert Item.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_backup_holds_items_attempts_and_objections(scene: Scene, tmp_path: Path) -> None:
    attempt = answer(scene, scene.client(scene.student), "the mean")
    Dispute.objects.create(user=scene.student, skill=scene.item.skill, attempt=attempt, text="No.")
    archive.write(tmp_path / "site.tar.gz")
    Item.objects.all().delete()
    archive.restore(tmp_path / "site.tar.gz", force=True)
    assert Attempt.objects.get().item == scene.item
    assert Dispute.objects.get().attempt == attempt
    assert Item.objects.get().skill.passages.get() == scene.passage
