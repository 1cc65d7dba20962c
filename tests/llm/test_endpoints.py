"""Which endpoint answers, and what an endpoint's row holds."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from tests import make
from tutor.llm.models import Endpoint, UnreadableKey

pytestmark = pytest.mark.django_db


def test_without_any_choice_the_embedded_host_answers(settings: Any) -> None:
    settings.LLM_BASE_URL = ""
    chosen = Endpoint.objects.default()
    assert chosen.embedded
    assert (chosen.base_url, chosen.model) == (settings.HOST_URL, settings.HOST_MODEL)
    settings.HOST_URL = "http://127.0.0.1:9/v1"
    assert Endpoint.objects.default().base_url == "http://127.0.0.1:9/v1"
    assert Endpoint.objects.count() == 1


def test_the_environment_names_an_endpoint_with_its_key(settings: Any) -> None:
    settings.LLM_BASE_URL, settings.LLM_MODEL, settings.LLM_API_KEY = (
        "https://llm.example/v1/",
        "big",
        "sk-env",
    )
    chosen = Endpoint.objects.default()
    assert (chosen.base_url, chosen.model, chosen.api_key) == ("https://llm.example/v1", "big", "sk-env")
    assert not chosen.embedded
    assert bytes(chosen.secret) == b""  # the environment's key is not copied into the database


def test_an_admins_default_goes_before_the_environment(settings: Any) -> None:
    settings.LLM_BASE_URL = "https://llm.example/v1"
    own = Endpoint.objects.create(name="vLLM", base_url="http://gpu:8000/v1", model="m", is_default=True)
    assert Endpoint.objects.default() == own


def test_a_course_keeps_its_endpoint_only_while_that_is_enabled() -> None:
    own = Endpoint.objects.create(name="vLLM", base_url="http://gpu:8000/v1", model="m")
    course = make.course(endpoint=own)
    assert Endpoint.objects.for_course(course) == own
    own.enabled = False
    assert Endpoint.objects.for_course(course).embedded
    assert Endpoint.objects.for_course(make.course()).embedded


def test_a_key_survives_a_rotation_of_the_secret_but_not_its_loss(settings: Any) -> None:
    row = Endpoint(name="vLLM", base_url="http://gpu:8000/v1", model="m")
    row.api_key = "sk-secret"
    row.save()
    row.refresh_from_db()
    assert row.api_key == "sk-secret"
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another"
    with pytest.raises(UnreadableKey, match="Enter the key again"):
        _ = row.api_key
    settings.SECRET_KEY_FALLBACKS = [old]
    assert row.api_key == "sk-secret"
    row.api_key = ""
    assert row.api_key == ""


@pytest.mark.parametrize(
    "address",
    [
        "ftp://gpu/v1",
        "http://",
        "http://name:password@gpu/v1",
        "http://gpu/v1?x=1",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
    ],
)
def test_addresses_that_no_model_server_has_are_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        Endpoint(name="x", base_url=address, model="m").full_clean()


def test_local_servers_are_allowed() -> None:
    row = Endpoint(name="Ollama", base_url="http://localhost:11434/v1/", model="m")
    row.full_clean()
    assert row.base_url == "http://localhost:11434/v1"
