"""Zip files (PPTX and DOCX are such), looked over before anything is unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

from courses.readers.parts import UnreadableFile

MAX_ENTRIES = 20_000
MAX_TOTAL = 1_500_000_000  # bytes of everything unpacked
MAX_PART = 120_000_000  # bytes of one XML part
MAX_RATIO = 250  # times the packed size, for what is large; XML packs to a twentieth at best

_DAMAGED = "The file is damaged or was not copied completely. Open it in Office, save it again and upload the new copy."


def check(path: Path) -> None:
    """Raise UnreadableFile for an archive that unpacks to far more than a document can hold, that is encrypted, or
    that is damaged. Unpacks each XML part once, in pieces, so that sizes in the directory need not be believed."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES:
                raise UnreadableFile(
                    f"The file holds {len(entries):,} parts, which no document does. Save it again."
                )
            if any(entry.flag_bits & 1 for entry in entries):
                raise UnreadableFile(
                    "The file is protected by a password. Remove the password and upload it again."
                )
            if sum(entry.file_size for entry in entries) > MAX_TOTAL:
                raise _bomb()
            for entry in entries:
                large = entry.file_size > 10_000_000
                if large and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
                    raise _bomb()
                if entry.filename.endswith((".xml", ".rels")):
                    _check_part(archive, entry)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise UnreadableFile(_DAMAGED) from error
    except Exception as error:
        if type(error).__name__ in ("error", "LZMAError"):  # zlib.error
            raise UnreadableFile(_DAMAGED) from error
        raise


def _check_part(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    size, head = 0, b""
    with archive.open(entry) as part:
        while data := part.read(1 << 20):
            size += len(data)
            if not head:
                head = data[:65_536]
            if size > MAX_PART:
                raise _bomb()
    if b"<!DOCTYPE" in head or b"<!ENTITY" in head or "<!ENTITY".encode("utf-16-le") in head:
        raise UnreadableFile(
            "The file declares XML entities, which Office never writes and which can hide other files or endless text. "
            "Open it in Office, save it again and upload the new copy."
        )


def _bomb() -> UnreadableFile:
    return UnreadableFile(
        "The file unpacks to far more than a document can hold, so it was not opened. Open it in Office, save it again "
        "and upload the new copy."
    )
