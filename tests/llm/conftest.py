import os
import socket
from collections.abc import Iterator

import pytest

from tests.llm.scripted import Scripted

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # torch in these tests must not fight the host for the cores


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    with Scripted() as server:
        yield server


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
