"""The checkpoint a run goes on from."""

from __future__ import annotations

from pathlib import Path


def last(folder: Path) -> str | None:
    """The newest whole checkpoint of a run's folder, None where there is none. A half-written one has no trainer state."""
    whole = [file.parent for file in (folder / "checkpoints").glob("checkpoint-*/trainer_state.json")]
    return str(max(whole, key=lambda path: int(path.name.rpartition("-")[2]))) if whole else None
