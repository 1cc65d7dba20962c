"""Site administration: for admins alone; people, endpoints, quotas, usage, audit, health."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests import make
from tests.courses.conftest import Cast
from tutor.accounts.models import AuditEntry, User, record
from tutor.celery import app as celery_app
from tutor.chat.models import Conversation, StaffQuestion
from tutor.dashboard import health
from tutor.dashboard.tasks import canary
from tutor.dashboard.views import models as models_views
from tutor.jobs import State
from tutor.llm.checks import Check
from tutor.llm.models import Endpoint, Quota, Usage, record_usage

PAGES = ["admin", "users", "courses", "endpoints", "new_endpoint", "quotas", "usage", "audit", "health"]


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_for_admins(cast: Cast, name: str) -> None:
    url = reverse(f"dashboard:{name}")
    for who, expected in {"admin": 200, "instructor": 404, "student": 404, "anonymous": 302}.items():
        assert cast.client(who).get(url).status_code == expected, who


class TestPeople:
    def test_search_and_filters(self, cast: Cast) -> None:
        User.objects.filter(pk=cast.staff.pk).update(is_active=False)
        client = cast.client("admin")

        def found(query: str) -> set[str]:
            return {person.name for person in client.get(reverse("dashboard:users") + query).context["page"]}

        assert found("?q=theo") == {"Theo"}
        assert found("?show=inactive") == {"Theo"}
        assert found("?show=admins") == {"Ada"}
        assert len(found("")) == 6

    def test_somebody_is_added_and_sets_a_password_by_the_link(self, cast: Cast) -> None:
        client = cast.client("admin")
        fields = {"email": "Prof@Example.org", "name": "Paula", "may_create_courses": "on"}
        page = client.post(reverse("dashboard:users"), fields, follow=True)
        person = User.objects.get(email="prof@example.org")
        assert person.may_create_courses
        assert not person.has_usable_password()
        link = page.context["password_link"]
        visitor = Client()
        form = visitor.get(link, follow=True)
        visitor.post(
            form.request["PATH_INFO"],
            {"password1": "a fine long passphrase", "password2": "a fine long passphrase"},
        )
        person.refresh_from_db()
        assert person.check_password("a fine long passphrase")
        assert "was not added" not in page.content.decode()
        assert Client().get(link, follow=True).context.get("token_fail")  # it works once

    def test_an_address_is_added_once(self, cast: Cast) -> None:
        page = cast.client("admin").post(
            reverse("dashboard:users"), {"email": cast.student.email.upper(), "name": "x"}
        )
        assert "already exists" in page.content.decode()

    def test_roles_and_deactivation(self, cast: Cast) -> None:
        theirs = cast.client("staff")
        url = reverse("dashboard:user", args=[cast.staff.pk])
        cast.client("admin").post(url, {"name": "Theo", "is_coach": "on"})
        cast.staff.refresh_from_db()
        assert cast.staff.is_coach
        assert not cast.staff.is_active
        assert theirs.get("/").status_code == 302  # signed out at once
        entry = AuditEntry.objects.get(action="user.changed")
        assert entry.actor == cast.admin
        assert entry.data["fields"]["is_active"] is False

    def test_the_last_admin_stays(self, cast: Cast) -> None:
        url = reverse("dashboard:user", args=[cast.admin.pk])
        page = cast.client("admin").post(url, {"name": "Ada", "is_active": "on"})
        assert "only administrator" in page.content.decode()
        cast.admin.refresh_from_db()
        assert cast.admin.is_superuser

    def test_a_lost_second_factor_is_reset(self, cast: Cast) -> None:
        Authenticator.objects.create(user=cast.staff, type="totp", data={"secret": "x"})
        url = reverse("dashboard:reset", args=[cast.staff.pk])
        assert cast.client("instructor").post(url, {"what": "mfa"}).status_code == 404
        cast.client("admin").post(url, {"what": "mfa"})
        assert not Authenticator.objects.exists()
        assert AuditEntry.objects.filter(action="user.mfa_reset", target=cast.staff.email).exists()


class TestEndpoints:
    fields = {
        "name": "vLLM", "base_url": "http://localhost:9/v1", "model": "llama", "api_key": "sk-very-secret", "enabled": "on",
        "is_default": "on", "max_tokens": "500", "temperature": "0.2", "timeout": "30",
    }  # fmt: skip

    @pytest.fixture(autouse=True)
    def found(self, monkeypatch: pytest.MonkeyPatch) -> list[Endpoint]:
        """Endpoints that were tested; D's own tests ask real ones."""
        tested: list[Endpoint] = []

        async def check(endpoint: Endpoint) -> Check:
            tested.append(endpoint)
            return Check(problem="Nothing answers at http://localhost:9/v1. Is the server running?")

        monkeypatch.setattr(models_views, "check", check)
        return tested

    def test_an_endpoint_is_added_and_tested_and_its_key_never_shown(
        self, cast: Cast, found: list[Endpoint]
    ) -> None:
        old = Endpoint.objects.create(
            name="old", base_url="http://localhost:8/v1", model="x", is_default=True
        )
        client = cast.client("admin")
        page = client.post(reverse("dashboard:new_endpoint"), self.fields, follow=True)
        row = Endpoint.objects.get(name="vLLM")
        assert row.api_key == "sk-very-secret"
        assert found == [row]
        assert "Nothing answers at http://localhost:9/v1" in page.content.decode()
        old.refresh_from_db()
        assert not old.is_default  # one default at most
        shown = page.content + client.get(reverse("dashboard:endpoint", args=[row.pk])).content
        assert b"sk-very-secret" not in shown
        assert "sk-very-secret" not in str(AuditEntry.objects.get(action="endpoint.created").data)

    def test_an_empty_key_keeps_the_old_one_and_forgetting_is_said(self, cast: Cast) -> None:
        client = cast.client("admin")
        client.post(reverse("dashboard:new_endpoint"), self.fields)
        row = Endpoint.objects.get(name="vLLM")
        url = reverse("dashboard:endpoint", args=[row.pk])
        client.post(url, {**self.fields, "api_key": "", "model": "llama-2"})
        row.refresh_from_db()
        assert (row.model, row.api_key) == ("llama-2", "sk-very-secret")
        client.post(url, {**self.fields, "api_key": "", "forget_key": "on"})
        row.refresh_from_db()
        assert row.api_key == ""

    def test_a_wrong_address_is_refused(self, cast: Cast) -> None:
        page = cast.client("admin").post(
            reverse("dashboard:new_endpoint"), {**self.fields, "base_url": "http://169.254.169.254/"}
        )
        assert "Link-local addresses are refused" in page.content.decode()
        assert not Endpoint.objects.filter(name="vLLM").exists()

    def test_deleting(self, cast: Cast) -> None:
        row = Endpoint.objects.create(name="old", base_url="http://localhost:8/v1", model="x")
        cast.course.endpoint = row
        cast.course.save()
        cast.client("admin").post(reverse("dashboard:delete_endpoint", args=[row.pk]))
        cast.course.refresh_from_db()
        assert cast.course.endpoint is None


class TestQuotasAndUsage:
    @pytest.mark.parametrize(
        ("fields", "user", "course"),
        [
            ({"whom": "everybody"}, False, False),
            ({"whom": "user"}, True, False),
            ({"whom": "course"}, False, True),
            ({"whom": "both"}, True, True),
        ],
    )
    def test_setting_one(self, cast: Cast, fields: dict[str, str], user: bool, course: bool) -> None:
        data = {**fields, "email": cast.student.email.upper(), "course": cast.course.pk}
        client = cast.client("admin")
        for tokens in (1000, 2000):  # setting it again changes it
            client.post(reverse("dashboard:quotas"), {**data, "tokens_per_day": tokens})
        quota = Quota.objects.get()
        assert quota.tokens_per_day == 2000
        assert (quota.user == cast.student, quota.course_id == cast.course.pk) == (user, course)
        client.post(reverse("dashboard:delete_quota", args=[quota.pk]))
        assert not Quota.objects.exists()

    def test_an_unknown_person_is_told(self, cast: Cast) -> None:
        data = {"whom": "user", "email": "nobody@example.org", "tokens_per_day": 5}
        page = cast.client("admin").post(reverse("dashboard:quotas"), data)
        assert "Nobody here has this address" in page.content.decode()
        assert not Quota.objects.exists()

    def test_sums_by_day_person_course_and_model(self, cast: Cast) -> None:
        endpoint = Endpoint.objects.create(name="e", base_url="http://localhost:8/v1", model="m1")
        for user, course, prompt in (
            (cast.student, cast.course, 100),
            (cast.student, cast.other, 10),
            (cast.staff, cast.course, 1),
        ):
            record_usage(user, course.pk, endpoint, prompt_tokens=prompt, completion_tokens=1)
        old = record_usage(cast.staff, cast.course.pk, endpoint, prompt_tokens=5000)
        Usage.objects.filter(pk=old.pk).update(created=timezone.now() - timedelta(days=60))
        context = cast.client("admin").get(reverse("dashboard:usage")).context
        assert context["total"] == 114
        assert [(name, row["tokens"]) for name, row in context["by_user"]] == [
            (cast.student.email, 112),
            (cast.staff.email, 2),
        ]
        assert [(name, row["tokens"]) for name, row in context["by_course"]] == [
            ("Signals", 103),
            ("Poetry", 11),
        ]
        assert context["by_model"][0][0] == "m1"
        today = context["bars"][-1]
        assert (today.prompt, today.completion, today.requests) == (111, 3, 3)
        assert today.height_prompt + today.height_completion == pytest.approx(100)
        assert len(context["bars"]) == 30

    def test_a_page_without_use_says_so(self, cast: Cast) -> None:
        assert "Nothing used yet" in cast.client("admin").get(reverse("dashboard:usage")).content.decode()


class TestAudit:
    def test_filters(self, cast: Cast) -> None:
        record(
            cast.instructor, "material.deleted", "Lecture 1", course_id=cast.course.pk, address="198.51.100.7"
        )
        record(cast.admin, "user.changed", cast.staff.email)
        client = cast.client("admin")

        def found(query: str) -> list[str]:
            page = client.get(reverse("dashboard:audit") + query).context["page"]
            return [entry.action for entry in page if entry.action != "account.signed_in"]

        assert found("") == ["user.changed", "material.deleted"]
        assert found("?action=material") == ["material.deleted"]
        assert found(f"?who={cast.instructor.email}") == ["material.deleted"]
        assert found(f"?course={cast.course.pk}") == ["material.deleted"]
        assert found(f"?until={timezone.localdate() - timedelta(days=1)}") == []
        assert found("?since=2026-99-99&course=x&page=zzz") == ["user.changed", "material.deleted"]

    def test_what_people_do_is_recorded_with_where_from(self, cast: Cast) -> None:
        client = Client(REMOTE_ADDR="198.51.100.7")
        client.force_login(cast.instructor)
        material = make.material(cast.course, "x", title="Lecture 1")
        client.post(reverse("courses:act", args=["signals", material.uuid]), {"action": "hide"})
        entry = AuditEntry.objects.get(action="material.hide")
        assert (entry.actor, entry.address, entry.course_id) == (
            cast.instructor,
            "198.51.100.7",
            cast.course.pk,
        )


class TestHealth:
    @pytest.fixture(autouse=True)
    def no_broker(self, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        """Canaries that were sent; whether a worker takes them is for the test with a worker."""
        sent: list[dict[str, Any]] = []
        monkeypatch.setattr(canary, "apply_async", lambda **options: sent.append(options))
        return sent

    def state(self, name: str) -> tuple[str, str]:
        finding = health.CHECKS[name]()
        return finding.state, finding.words

    def test_a_fresh_site(self, cast: Cast) -> None:
        for name in ("Database", "Cache", "Channel layer", "Jobs", "Queues", "Mail", "Files", "Index"):
            assert self.state(name)[0] == "ok", name

    def test_workers_are_alive_when_the_canary_sings(self, cast: Cast, no_broker: list[Any]) -> None:
        cache.set(health.SENT, time.time() - 60)
        state, words = self.state("Workers")
        assert state == "bad"
        assert "manage.py serve" in words
        canary.run()
        assert self.state("Workers")[0] == "ok"

    def test_canaries_are_not_sent_in_flocks(self, cast: Cast, no_broker: list[Any]) -> None:
        for _ in range(5):
            self.state("Workers")
        assert len(no_broker) == 1

    def test_a_busy_worker_counts_as_alive(self, cast: Cast) -> None:
        cache.set(health.SENT, time.time() - 60)
        make.material(cast.course, "", state=State.RUNNING, heartbeat_at=timezone.now())
        assert self.state("Workers")[0] == "ok"

    def test_a_queue_that_does_not_move_is_noticed(self, cast: Cast) -> None:
        make.material(cast.course, "", queued_at=timezone.now() - timedelta(hours=1))
        state, words = self.state("Jobs")
        assert state == "warn"
        assert "1 waiting" in words

    def test_messages_that_no_worker_takes_are_counted(self, cast: Cast, no_broker: list[Any]) -> None:
        before = health.check_broker().data["queues"]["coach"]
        with celery_app.connection_for_write() as broker:
            queue = broker.SimpleQueue("coach")
            queue.put({"x": 1})
            try:
                assert health.check_broker().data["queues"]["coach"] == before + 1
            finally:
                queue.get(timeout=5).ack()
                queue.close()

    def test_mail_that_nobody_takes_is_noticed(self, cast: Cast, settings: Any) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        assert self.state("Mail")[0] == "ok"
        talk = Conversation.objects.create(course=cast.course, user=cast.student)
        question = StaffQuestion.objects.create(turn=talk.turns.create(ordinal=1, question="Why?"))
        StaffQuestion.objects.filter(pk=question.pk).update(created=timezone.now() - timedelta(hours=1))
        assert self.state("Mail")[0] == "warn"

    def test_passages_without_vectors_are_noticed(self, cast: Cast) -> None:
        make.passage(make.material(cast.course, "x"), "x")
        assert self.state("Index")[0] == "warn"

    def test_a_missing_host_is_broken_only_where_it_is_needed(self, cast: Cast, settings: Any) -> None:
        settings.HOST_URL = "http://127.0.0.1:9/v1"
        assert self.state("Model host")[0] == "bad"
        Endpoint.objects.create(name="v", base_url="http://localhost:8/v1", model="x", is_default=True)
        settings.EMBEDDINGS = "process"
        assert self.state("Model host")[0] == "ok"

    def test_a_check_that_breaks_is_itself_a_finding(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken() -> health.Finding:
            raise ConnectionError("no route")

        monkeypatch.setitem(health.CHECKS, "Cache", broken)
        found = {finding.name: finding for finding in health.findings()}
        assert found["Cache"].state == "bad"
        assert "no route" in found["Cache"].words

    def test_for_monitors(self, cast: Cast, settings: Any) -> None:
        url = reverse("dashboard:health_json")
        settings.HEALTH_TOKEN = ""
        for who, expected in {"anonymous": 404, "student": 404}.items():
            assert cast.client(who).get(url).status_code == expected
        assert Client().get(url, headers={"Authorization": "Bearer "}).status_code == 404
        settings.HEALTH_TOKEN = "monitor"
        assert Client().get(url, headers={"Authorization": "Bearer guess"}).status_code == 404
        answer = Client().get(url, headers={"Authorization": "Bearer monitor"})
        data = answer.json()
        assert {check["name"] for check in data["checks"]} == set(health.CHECKS)
        assert (answer.status_code == 503) == (data["state"] == "bad")

    def test_for_load_balancers(self, cast: Cast) -> None:
        answer = Client().get("/healthz")
        assert (answer.status_code, answer.content) == (200, b"ok\n")
