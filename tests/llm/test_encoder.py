"""The encoder's graph on disk: built once, and not needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tutor.llm import catalog, encoder
from tutor.llm.embeddings import MODEL


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
