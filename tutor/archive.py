"""A whole site in one file: rows, files and, if asked for, the secret key. Independent of the database's engine.

The archive is a tar.gz with, in this order: `manifest.json`; `rows/<model>.jsonl`, models before those that point at
them; `files/…`, what people uploaded and the pictures taken out of it; `secret-key`, on request; `checksums.json`. Rows
are read in one snapshot, so the site may run on meanwhile. What can be made again (sessions, caches, indexes, lock-outs)
is left out.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from django.apps import apps
from django.conf import settings
from django.core import serializers
from django.core.cache import cache
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.core.management.color import no_style
from django.core.serializers import sort_dependencies
from django.db import connection, models, transaction
from django.db.migrations.recorder import MigrationRecorder

FORMAT = 1
LEFT_OUT = {"contenttypes", "sessions", "admin", "axes"}
CHUNK = 1024 * 1024
DAMAGED = (
    tarfile.TarError,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
)  # what reading a damaged archive raises


class ArchiveError(Exception):
    """The archive could not be written or restored. The message says why and what to do; nothing was changed."""


def kept_models() -> list[type[models.Model]]:
    """The models whose rows are kept, each after those it points at where that is possible."""
    rows = [(config, None) for config in apps.get_app_configs() if config.label not in LEFT_OUT]
    found = sort_dependencies(rows, allow_cycles=True)
    return [model for model in found if model._meta.managed and model._meta.label_lower != "auth.permission"]


def applied_migrations() -> list[str]:
    """The migrations the database has seen, as app.name."""
    return sorted(".".join(key) for key in MigrationRecorder(connection).applied_migrations())


@contextmanager
def snapshot() -> Iterator[None]:
    """One consistent view of the database, which holds up nobody who writes."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("COMMIT")
        return
    with transaction.atomic():
        if connection.vendor == "postgresql" and len(connection.savepoint_ids) == 0:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def listing(storage: Storage, folder: str = "") -> Iterator[str]:
    """Every file of a storage."""
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in sorted(files):
        yield f"{folder}/{name}".lstrip("/")
    for name in sorted(folders):
        yield from listing(storage, f"{folder}/{name}".lstrip("/"))


def stores() -> dict[str, Storage]:
    """Where files lie, by the folder of the archive that holds them."""
    return {"files": storages["default"]}


class _Writer:
    """A tar that remembers the checksum of everything put into it."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self.tar = tar
        self.checksums: dict[str, str] = {}

    def add(self, name: str, stream: IO[bytes], size: int) -> None:
        """Put in `size` bytes of the stream under this name."""
        reader = _Hashing(stream)
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        info.mtime = int(datetime.now(UTC).timestamp())
        self.tar.addfile(info, reader)
        self.checksums[name] = reader.digest.hexdigest()

    def add_bytes(self, name: str, raw: bytes) -> None:
        """Put in a small piece."""
        with tempfile.SpooledTemporaryFile() as spool:
            spool.write(raw)
            spool.seek(0)
            self.add(name, spool, len(raw))


class _Hashing:
    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece = self.stream.read(size)
        self.digest.update(piece)
        return piece


def write(path: Path, *, with_secret_key: bool = False) -> dict[str, Any]:
    """Write the archive; returns its manifest with the counts of rows and files."""
    draft = path.with_name(f".{path.name}.part")
    try:
        with draft.open("xb") as raw, tarfile.open(fileobj=raw, mode="w:gz", compresslevel=1) as tar:
            draft.chmod(0o600)
            manifest = _write(_Writer(tar), with_secret_key)
        draft.replace(path)
    except FileExistsError:
        raise ArchiveError(
            f"{draft} exists: another backup is being written, or one broke off. Delete it."
        ) from None
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return {**manifest, "bytes": path.stat().st_size}


def _write(archive: _Writer, with_secret_key: bool) -> dict[str, Any]:
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "engine": connection.vendor,
        "migrations": applied_migrations(),
        "secret_key": with_secret_key,
    }
    archive.add_bytes("manifest.json", json.dumps(manifest, indent=1).encode())
    rows: dict[str, int] = {}
    with snapshot():
        for model in kept_models():
            with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as spool:
                rows[model._meta.label_lower] = _dump(model, spool)
                size = spool.tell()
                spool.seek(0)
                archive.add(f"rows/{model._meta.label_lower}.jsonl", spool, size)
    files = 0
    for prefix, storage in stores().items():
        for name in listing(storage):
            try:
                with storage.open(name) as stream:
                    archive.add(f"{prefix}/{name}", stream, storage.size(name))
            except FileNotFoundError:
                continue  # deleted while the backup ran
            files += 1
    if with_secret_key:
        archive.add_bytes("secret-key", str(settings.SECRET_KEY).encode())
    archive.add_bytes("checksums.json", json.dumps(archive.checksums).encode())
    return {**manifest, "rows": rows, "files": files}


def _dump(model: type[models.Model], spool: IO[bytes]) -> int:
    """Write a model's rows as JSON lines; returns how many."""
    count = 0
    for row in model._default_manager.order_by("pk").iterator(chunk_size=500):
        line = serializers.serialize("jsonl", [row]).strip()
        spool.write(line.encode() + b"\n")
        count += 1
    return count


def read_manifest(path: Path) -> dict[str, Any]:
    """The archive's manifest. Raises ArchiveError for a file that is no archive of this format."""
    try:
        with tarfile.open(path, "r:gz") as tar:
            first = tar.next()
            stream = tar.extractfile(first) if first is not None and first.name == "manifest.json" else None
            manifest = json.load(stream) if stream is not None else None
    except FileNotFoundError:
        raise ArchiveError(f"There is no file {path}.") from None
    except DAMAGED:
        manifest = None
    if not isinstance(manifest, dict) or "format" not in manifest:
        raise ArchiveError(f"{path} is no Lyceum backup, or it is damaged.")
    if manifest["format"] != FORMAT:
        raise ArchiveError(
            "The backup was written by another version of Lyceum. Restore it with that version."
        )
    return manifest


def verify(path: Path) -> None:
    """Read the archive from end to end. Raises ArchiveError if a single byte is not as it was written."""
    found: dict[str, str] = {}
    wanted: dict[str, str] | None = None
    try:
        with tarfile.open(path, "r:gz") as tar:
            for member in tar:
                stream = tar.extractfile(member)
                if stream is None or not _lawful(member.name):
                    raise ArchiveError(
                        f"{path} holds “{member.name}”, which no backup holds. It was not restored."
                    )
                if member.name == "checksums.json":
                    wanted = json.load(stream)
                else:
                    found[member.name] = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
    except DAMAGED as error:
        raise ArchiveError(f"{path} is damaged ({error}). Take an older backup.") from None
    if found != wanted:
        raise ArchiveError(f"{path} is damaged: it is cut short, or was changed. Take an older backup.")


def _lawful(name: str) -> bool:
    parts = name.split("/")
    if "" in parts or "." in parts or ".." in parts or "\\" in name:
        return False
    return name in ("manifest.json", "checksums.json", "secret-key") or parts[0] in (
        "rows",
        "files",
        "pictures",
    )


def is_empty() -> bool:
    """True for a site without people and without files."""
    from django.contrib.auth import get_user_model

    return not get_user_model()._default_manager.exists() and not any(
        next(listing(s), "") for s in stores().values()
    )


def restore(path: Path, *, force: bool = False) -> dict[str, Any]:
    """Put the archive's rows and files in place of the site's. Raises ArchiveError, and then nothing has changed.

    The database has to be migrated to where it was when the backup was written.
    """
    manifest = read_manifest(path)
    here = applied_migrations()
    if manifest["migrations"] != here:
        more = sorted(set(manifest["migrations"]) - set(here)) or sorted(
            set(here) - set(manifest["migrations"])
        )
        raise ArchiveError(
            f"The backup and this database are of different versions ({', '.join(more[:3])} …). Check out the version that "
            "wrote the backup, run `manage.py migrate`, restore, then update."
        )
    if not is_empty() and not force:
        raise ArchiveError(
            "This site is not empty. Restore into a new one, or say --force to replace everything here."
        )
    verify(path)
    old_files = [(storage, name) for storage in stores().values() for name in listing(storage)]
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        rows, files = _load(path, Path(folder))
        wanted = {(id(storage), name) for storage, name, _ in files}
        for storage, name, draft in files:
            if storage.exists(name):
                storage.delete(name)
            with draft.open("rb") as stream:
                storage.save(name, File(stream))
    for storage, name in old_files:
        if (id(storage), name) not in wanted:
            storage.delete(name)
    cache.clear()
    return {**manifest, "rows": rows, "files": len(files), "secret_key": _restore_key(path, force)}


def _load(path: Path, folder: Path) -> tuple[dict[str, int], list[tuple[Storage, str, Path]]]:
    """Load the rows in one transaction, and lay the files ready in the folder."""
    rows: dict[str, int] = {}
    files: list[tuple[Storage, str, Path]] = []
    kept = {model._meta.label_lower: model for model in kept_models()}
    places = stores()
    with transaction.atomic(), tarfile.open(path, "r:gz") as tar:
        for model in reversed(kept.values()):
            model._default_manager.all()._raw_delete(connection.alias)
        for member in tar:
            kind, _, name = member.name.partition("/")
            stream = tar.extractfile(member)
            assert stream is not None  # verified before
            if kind == "rows":
                label = name.removesuffix(".jsonl")
                if label not in kept:
                    raise ArchiveError(
                        f"This version knows no {label}. Restore with the version that wrote the backup."
                    )
                rows[label] = _load_rows(stream)
            elif kind in places:
                draft = folder / str(len(files))
                with draft.open("wb") as out:
                    while piece := stream.read(CHUNK):
                        out.write(piece)
                files.append((places[kind], name, draft))
        connection.check_constraints()
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), list(kept.values())):
                cursor.execute(statement)
    return rows, files


def _load_rows(stream: IO[bytes]) -> int:
    count = 0
    for line in stream:
        for row in serializers.deserialize("jsonl", line.decode()):
            row.save(force_insert=True)
            count += 1
    return count


def _restore_key(path: Path, force: bool) -> bool:
    """Put the archive's secret key beside the data, if it has one and none is there already."""
    target = settings.DATA_DIR / "secret-key"
    with tarfile.open(path, "r:gz") as tar:
        member = next((member for member in tar if member.name == "secret-key"), None)
        stream = tar.extractfile(member) if member is not None else None
        if stream is None or (target.exists() and not force):
            return False
        target.touch(mode=0o600)
        target.write_bytes(stream.read())
    return True
