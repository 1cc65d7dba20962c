"""Signing in: demo logins only in the demo, lock-outs that hit nobody else, a second factor also for Django's admin."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from tests import make
from tutor.accounts.demo import DEMO_USERS
from tutor.accounts.models import AuditEntry, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


def sign_in(email: str, password: str, client: Client | None = None, **extra: Any) -> Any:
    return (client or Client()).post(
        reverse("account_login"), {"login": email, "password": password}, **extra
    )


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


class TestPassword:
    def test_the_right_one(self) -> None:
        user, client = make.user(), Client()
        assert sign_in(user.email, make.PASSWORD, client)["Location"] == "/"
        assert is_in(client)

    def test_spelling_of_the_address_does_not_matter(self) -> None:
        make.user("ada@example.org")
        client = Client()
        sign_in("Ada@Example.org", make.PASSWORD, client)
        assert is_in(client)

    def test_a_deactivated_person_stays_out(self) -> None:
        user, client = make.user(is_active=False), Client()
        sign_in(user.email, make.PASSWORD, client)
        assert not is_in(client)

    def test_one_is_not_sent_elsewhere(self) -> None:
        user = make.user()
        url = reverse("account_login")
        answer = Client().post(
            url, {"login": user.email, "password": make.PASSWORD, "next": "https://evil.example/"}
        )
        assert answer["Location"] == "/"


class TestDemo:
    @pytest.fixture
    def demo_user(self) -> User:
        return User.objects.create_user(DEMO_USERS[0].email, DEMO_USERS[0].password)

    def test_its_passwords_are_refused_outside_the_demo(self, demo_user: User, settings: Any) -> None:
        settings.DEMO = False
        client = Client()
        sign_in(demo_user.email, DEMO_USERS[0].password, client)
        assert not is_in(client)
        assert not client.login(username=demo_user.email, password=DEMO_USERS[0].password)

    def test_they_work_in_the_demo(self, demo_user: User, settings: Any) -> None:
        settings.DEMO = True
        client = Client()
        sign_in(demo_user.email, DEMO_USERS[0].password, client)
        assert is_in(client)

    def test_with_a_password_of_their_own_the_person_gets_in(self, demo_user: User, settings: Any) -> None:
        settings.DEMO = False
        demo_user.set_password(make.PASSWORD)
        demo_user.save()
        client = Client()
        sign_in(demo_user.email, make.PASSWORD, client)
        assert is_in(client)

    def test_the_page_shows_the_logins_only_in_the_demo(self, settings: Any) -> None:
        settings.DEMO = False
        assert DEMO_USERS[0].password not in Client().get(reverse("account_login")).content.decode()
        settings.DEMO = True
        assert DEMO_USERS[0].password in Client().get(reverse("account_login")).content.decode()


class TestLockOut:
    def test_guessing_locks_the_pair_of_address_and_name(self, settings: Any) -> None:
        victim, other = make.user(), make.user()
        for _ in range(settings.AXES_FAILURE_LIMIT):
            answer = sign_in(victim.email, "wrong", REMOTE_ADDR="198.51.100.7")
        assert answer.status_code == 429
        assert "Too many tries" in answer.content.decode()
        locked, elsewhere, neighbour = Client(), Client(), Client()
        sign_in(victim.email, make.PASSWORD, locked, REMOTE_ADDR="198.51.100.7")
        sign_in(victim.email, make.PASSWORD, elsewhere, REMOTE_ADDR="198.51.100.8")
        sign_in(other.email, make.PASSWORD, neighbour, REMOTE_ADDR="198.51.100.7")
        assert (is_in(locked), is_in(elsewhere), is_in(neighbour)) == (False, True, True)

    def test_many_names_from_one_address_are_slowed(self) -> None:
        for number in range(21):
            answer = sign_in(f"guess{number}@example.org", "wrong", REMOTE_ADDR="198.51.100.9")
        assert "Too many failed login attempts" in answer.content.decode()


class TestAdmin:
    def test_djangos_admin_has_no_door_of_its_own(self) -> None:
        answer = Client().get("/admin/", follow=True)
        assert answer.redirect_chain[-1][0].startswith(reverse("account_login"))

    def test_it_is_for_admins(self) -> None:
        client = Client()
        client.force_login(make.user())
        assert client.get("/admin/", follow=True).status_code == 403
        admin = make.user(is_staff=True, is_superuser=True)
        client.force_login(admin)
        for page in ("/admin/", "/admin/accounts/user/", "/admin/accounts/auditentry/"):
            assert client.get(page).status_code == 200, page

    def test_the_audit_log_cannot_be_changed_there(self) -> None:
        client = Client()
        admin = make.user(is_staff=True, is_superuser=True)
        client.force_login(admin)
        entry = AuditEntry.objects.create(action="course.deleted", target="Signals")
        assert client.get("/admin/accounts/auditentry/add/").status_code == 403
        assert (
            client.post(f"/admin/accounts/auditentry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403
        )
        client.post(f"/admin/accounts/auditentry/{entry.pk}/change/", {"target": "nothing"})
        entry.refresh_from_db()
        assert entry.target == "Signals"

    def test_a_second_factor_is_asked_for(self) -> None:
        admin = make.user(is_staff=True, is_superuser=True)
        secret = TOTP.activate(admin, "JBSWY3DPEHPK3PXP").instance
        client = Client()
        sign_in(admin.email, make.PASSWORD, client)
        assert not is_in(client)
        assert client.get("/admin/", follow=True).redirect_chain
        counter = next(iter(yield_hotp_counters_from_time()))
        code = format_hotp_value(hotp_value(secret.data["secret"], counter))
        client.post(reverse("mfa_authenticate"), {"code": code})
        assert is_in(client)


class TestPages:
    @pytest.mark.parametrize(
        "name", ["account_login", "account_signup", "account_reset_password", "account_request_login_code"]
    )
    def test_pages_for_strangers(self, name: str) -> None:
        page = Client().get(reverse(name))
        assert page.status_code == 200
        assert "lyceum.css" in page.content.decode()

    @pytest.mark.parametrize(
        "name",
        ["accounts:profile", "account_email", "account_change_password", "mfa_index", "account_logout"],
    )
    def test_pages_for_the_signed_in(self, name: str) -> None:
        user, client = make.user(), Client()
        sign_in(user.email, make.PASSWORD, client)
        page = client.get(reverse(name))
        assert page.status_code == 200
        assert "lyceum.css" in page.content.decode()
        assert Client().get(reverse(name)).status_code == 302

    def test_a_second_factor_is_set_up_after_the_password_once_more(self) -> None:
        user, client = make.user(), Client()
        sign_in(user.email, make.PASSWORD, client)
        url = reverse("mfa_activate_totp")
        asks = client.get(url, follow=True)
        assert asks.request["PATH_INFO"] == reverse("account_reauthenticate")
        page = client.post(
            reverse("account_reauthenticate"), {"password": make.PASSWORD, "next": url}, follow=True
        )
        assert "QR code" in page.content.decode()

    def test_without_a_mail_server_no_mail_is_promised(self, settings: Any) -> None:
        assert "Send me a sign-in code" not in Client().get(reverse("account_login")).content.decode()
        assert "sends no mail" in Client().get(reverse("account_reset_password")).content.decode()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        assert "Send me a sign-in code" in Client().get(reverse("account_login")).content.decode()


class TestAudit:
    def test_the_door_keeps_a_log_without_passwords(self) -> None:
        user = make.user()
        sign_in(user.email, "a wrong one", REMOTE_ADDR="198.51.100.7")
        sign_in(user.email, make.PASSWORD, REMOTE_ADDR="198.51.100.7")
        entries = list(AuditEntry.objects.order_by("pk").values_list("action", "target", "address"))
        assert entries == [
            ("account.refused", user.email, "198.51.100.7"),
            ("account.signed_in", user.email, "198.51.100.7"),
        ]
        assert "a wrong one" not in str(list(AuditEntry.objects.values()))

    def test_a_new_password_is_noted(self) -> None:
        user, client = make.user(), Client()
        sign_in(user.email, make.PASSWORD, client)
        fields = {
            "oldpassword": make.PASSWORD,
            "password1": "another long one",
            "password2": "another long one",
        }
        client.post(reverse("account_change_password"), fields)
        user.refresh_from_db()
        assert user.check_password("another long one")
        assert AuditEntry.objects.filter(action="account.password_changed", actor=user).exists()
