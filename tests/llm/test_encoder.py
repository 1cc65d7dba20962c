"""The encoder's graph on disk: built once, and not needed."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tutor.llm import catalog, encoder
from tutor.llm.embeddings import MODEL, embed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).symlink_to(catalog.path(MODEL) / name)
    return tmp_path


@pytest.mark.model
def test_the_graph_is_built_once_and_one_of_other_code_goes(folder: Path) -> None:
    (folder / "encoder-0123.onnx").write_bytes(b"")
    first = encoder.graph_file(folder)
    assert isinstance(first, Path)
    built = first.stat().st_mtime_ns
    assert encoder.graph_file(folder) == first
    assert first.stat().st_mtime_ns == built
    assert list(folder.glob("encoder-*")) == [first]


@pytest.mark.model
def test_where_nothing_can_be_written_the_graph_stays_in_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(encoder, "NamedTemporaryFile", refuse)
    assert encoder.graph_file(folder) == encoder.build(folder)


def test_a_host_that_is_still_starting_is_waited_for(settings: Any) -> None:
    loading = {"error": {"message": "The model is being loaded; try again in a few seconds."}}
    answers: list[tuple[int, dict[str, Any]]] = [(503, loading), (503, loading)]
    answers += [(200, {"data": [{"index": 0, "embedding": [1.0] + [0.0] * 383}]})]

    class Host(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, said = answers.pop(0)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Host) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.EMBEDDINGS, settings.HOST_URL = "host", f"http://127.0.0.1:{server.server_port}/v1"
        assert embed(["mean"])[0, 0] == 1.0
        server.shutdown()
    assert answers == []
