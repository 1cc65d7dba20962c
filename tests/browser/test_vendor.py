"""What came from npm is what vendor.toml says it is, with its licence, and nothing else lies beside it."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "static" / "vendor"


def packages() -> list[dict[str, object]]:
    return list(tomllib.loads((VENDOR / "vendor.toml").read_text())["package"])


def recorded() -> dict[str, str]:
    files: dict[str, str] = {}
    for package in packages():
        assert isinstance(package["files"], dict)
        files |= package["files"]
    return files


def test_every_vendored_file_has_the_recorded_hash() -> None:
    for name, digest in recorded().items():
        assert hashlib.sha256((ROOT / name).read_bytes()).hexdigest() == digest, name


def test_nothing_unrecorded_lies_beside_the_vendored_files() -> None:
    folders = [*(path for path in VENDOR.iterdir() if path.is_dir()), ROOT / "tests" / "browser" / "vendor"]
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert found == set(recorded())


def test_every_package_names_its_licence_and_keeps_its_text() -> None:
    kept = [name for name in recorded() if "LICENSE" in name]
    for package in packages():
        assert package["licence"]
        short = str(package["name"]).split("/")[-1]
        assert any(f"/{short}.LICENSE" in name for name in kept), package["name"]
