import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import pytest

from tests.llm.scripted import Scripted
from tutor.llm import catalog, host
from tutor.llm.models import Endpoint

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # torch in these tests must not fight the host for the cores


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    with Scripted() as server:
        yield server


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def models_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed models, and a place for adapters that is the tests' own."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("all-MiniLM-L6-v2", "smollm2-135m-instruct"):
        (folder / name).symlink_to(catalog.fetch(name), target_is_directory=True)
    (folder / "adapters").mkdir()
    return folder


@pytest.fixture(scope="session")
def host_url(models_folder: Path) -> Iterator[str]:
    """A real model host, one for all tests."""
    with ExitStack() as stack:
        # for the host alone: other tests have the models where they are
        with mock.patch.dict(os.environ, LYCEUM_MODELS=str(models_folder)):
            url = stack.enter_context(host.running(f"http://127.0.0.1:{unused_port()}/v1"))
        yield url


@pytest.fixture
def host_endpoint(host_url: str) -> Endpoint:
    return Endpoint(
        name="Host", base_url=host_url, model="smollm2-135m-instruct", embedded=True, temperature=0
    )
