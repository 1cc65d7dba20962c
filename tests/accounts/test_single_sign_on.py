"""Signing in through an OpenID provider over a real socket: who gets in as whom, and who does not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from allauth.socialaccount.models import SocialAccount
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from courses.models import Invitation
from tests import make
from tests.accounts.openid import CLIENT, SECRET, Provider
from tests.llm.conftest import unused_port
from tutor.accounts.models import AuditEntry, User

pytestmark = pytest.mark.django_db

ADA = {"sub": "ada-1", "email": "ada@example.org", "email_verified": True, "name": "Ada Lovelace"}


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    cache.clear()
    with Provider() as running:
        app = {
            "provider_id": "oidc", "name": "University", "client_id": CLIENT, "secret": SECRET,
            "settings": {"server_url": running.url, "oauth_pkce_enabled": True},
        }  # fmt: skip
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
        yield running


def sign_in(client: Client, target: str = "") -> Any:
    """What the browser does: press the button, go to the provider, come back with its code."""
    url = reverse("openid_connect_login", args=["oidc"]) + (f"?next={target}" if target else "")
    away = client.post(url)
    assert away.status_code == 302
    back = urlsplit(httpx.get(away["Location"]).headers["Location"])
    return client.get(f"{back.path}?{back.query}", follow=True)


def who(client: Client) -> User | None:
    return User.objects.filter(pk=client.session.get("_auth_user_id", 0)).first()


def test_a_new_person_comes_in_with_an_invitation(provider: Provider) -> None:
    course = make.course("Signals")
    invitation = Invitation.objects.create(course=course, email="ada@example.org", role="student")
    provider.person = ADA
    client = Client()
    join = reverse("courses:join", args=[invitation.token])
    page = client.get(join).content.decode()
    assert reverse("account_login") in page
    entrance = client.get(f"{reverse('account_login')}?next={join}").content.decode()
    assert "University" in entrance
    here = sign_in(client, join)
    assert here.request["PATH_INFO"] == join
    user = who(client)
    assert user is not None
    assert (user.email, user.name, user.has_usable_password()) == ("ada@example.org", "Ada Lovelace", False)
    client.post(join)
    assert course.enrolments.get(user=user).role == "student"
    assert AuditEntry.objects.filter(action="account.signed_in", target=user.email).exists()
    again = Client()
    sign_in(again)
    assert who(again) == user
    assert User.objects.count() == 1


def test_without_an_invitation_one_gets_an_account_and_no_course(provider: Provider) -> None:
    course = make.course("Signals", slug="signals")
    provider.person = ADA
    client = Client()
    sign_in(client)
    assert who(client) is not None
    assert client.get(course.get_absolute_url()).status_code == 404


def test_an_existing_person_is_known_by_a_verified_address(provider: Provider) -> None:
    user = make.user("ada@example.org", name="Ada, as before")
    provider.person = {**ADA, "email": "Ada@Example.org"}
    client = Client()
    sign_in(client)
    assert who(client) == user
    assert SocialAccount.objects.get().user == user
    user.refresh_from_db()
    assert user.name == "Ada, as before"


@pytest.mark.parametrize("verified", [False, None])
@pytest.mark.parametrize("exists", [True, False])
def test_an_unverified_address_opens_nothing(provider: Provider, exists: bool, verified: bool | None) -> None:
    if exists:
        make.user("ada@example.org")
    person = {name: value for name, value in ADA.items() if name != "email_verified"}
    provider.person = person if verified is None else {**person, "email_verified": verified}
    client = Client()
    page = sign_in(client)
    assert who(client) is None
    assert page.request["PATH_INFO"] == reverse("account_login")
    assert "has not verified your e-mail address" in page.content.decode()
    client.post(reverse("socialaccount_signup"), {"email": "ada@example.org", "name": "Eve"})
    assert who(client) is None
    assert not SocialAccount.objects.exists()
    assert User.objects.count() == exists
    assert AuditEntry.objects.filter(action="account.refused", target="ada@example.org").exists()


def test_a_deactivated_person_stays_out(provider: Provider) -> None:
    make.user("ada@example.org", is_active=False)
    provider.person = ADA
    client = Client()
    sign_in(client)
    assert who(client) is None


def test_a_token_for_somebody_else_and_a_forged_state_are_refused(provider: Provider) -> None:
    provider.person = ADA
    provider.audience = "another site"
    client = Client()
    sign_in(client)
    assert who(client) is None
    provider.audience = CLIENT
    away = client.post(reverse("openid_connect_login", args=["oidc"]))
    back = urlsplit(httpx.get(away["Location"]).headers["Location"])
    stranger = Client()  # has not begun this sign-in
    stranger.get(f"{back.path}?{back.query}", follow=True)
    assert who(stranger) is None


def test_a_provider_that_is_away_is_said_in_words(provider: Provider) -> None:
    provider.__exit__()
    client = Client(raise_request_exception=False)
    answer = client.post(reverse("openid_connect_login", args=["oidc"]), follow=True)
    assert answer.status_code == 200
    assert "does not answer at the moment" in answer.content.decode()
    assert who(client) is None


def test_a_mail_server_that_is_away_is_said_in_words(settings: Any) -> None:
    cache.clear()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", unused_port()
    user = make.user()
    answer = Client().post(reverse("account_request_login_code"), {"email": user.email}, follow=True)
    assert "does not answer at the moment" in answer.content.decode()


def test_the_environment_sets_it_up(tmp_path: Path) -> None:
    """A process of its own, because settings are read at start."""
    script = (
        "import django; django.setup()\n"
        "from django.conf import settings as s\n"
        "app = s.SOCIALACCOUNT_PROVIDERS['openid_connect']['APPS'][0]\n"
        "print(app['client_id'], app['secret'], app['settings']['server_url'], app['settings']['verified_email'])\n"
        "print(s.CONTENT_SECURITY_POLICY['DIRECTIVES']['form-action'][-1])\n"
    )
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tutor.settings",
        "LYCEUM_DATA": str(tmp_path),
        "OIDC_CLIENT_ID": "a", "OIDC_SECRET": "b", "OIDC_SERVER_URL": "https://login.example.org/realm/",
        "OIDC_TRUST_EMAIL": "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "a b https://login.example.org/realm True",
        "https://login.example.org",
    ]
