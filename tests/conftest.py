"""What all tests share: nothing is written outside a folder of their own, and passwords are hashed quickly."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from django.conf import settings

if TYPE_CHECKING:
    from tutor.llm.models import Endpoint

folder = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[folder] = Path(tempfile.mkdtemp(prefix="lyceum-tests-"))
    settings.DATA_DIR = config.stash[folder]
    settings.MEDIA_ROOT = config.stash[folder] / "files"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    if not settings.REDIS_URL:
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under CI every part is there: a test that was skipped is a test that failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped") if reporter else None
    if reporter and skipped and os.environ.get("CI") and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"{len(skipped)} tests were skipped, and nothing may be missing here.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[folder], ignore_errors=True)


@pytest.fixture(scope="session")
def sandboxed() -> None:
    """The sandbox holds on this machine; where CI runs, it has to."""
    from tutor.studio import sandbox

    try:
        sandbox.ready()
    except sandbox.SandboxMissing as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def models_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed models, and a place for adapters that is the tests' own."""
    from tutor.llm import catalog

    folder = tmp_path_factory.mktemp("models")
    for name in ("all-MiniLM-L6-v2", "smollm2-135m-instruct"):
        (folder / name).symlink_to(catalog.fetch(name), target_is_directory=True)
    (folder / "adapters").mkdir()
    return folder


@pytest.fixture(scope="session")
def host_url(models_folder: Path) -> Iterator[str]:
    """A real model host, one for all tests."""
    from tests.llm.conftest import unused_port
    from tutor.llm import host

    with ExitStack() as stack:
        # for the host alone: other tests have the models where they are
        with mock.patch.dict(os.environ, LYCEUM_MODELS=str(models_folder)):
            url = stack.enter_context(host.running(f"http://127.0.0.1:{unused_port()}/v1"))
        yield url


@pytest.fixture
def host_endpoint(host_url: str) -> Endpoint:
    """The default model on it."""
    from tutor.llm.models import Endpoint

    return Endpoint(
        name="Host", base_url=host_url, model="smollm2-135m-instruct", embedded=True, temperature=0
    )
