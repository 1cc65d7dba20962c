"""Files that nobody holds: what an upload or a reading left when its process was killed before it could tidy up."""

from __future__ import annotations

import logging
import shutil
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.utils import timezone

from courses.models import Material

logger = logging.getLogger(__name__)

KEPT = 24 * 3600  # seconds: longer than the slowest upload and the longest reading take


def sweep(now: datetime | None = None) -> list[str]:
    """Delete half-written uploads, and folders of materials that have no row; returns what went.

    Nothing goes that was written within a day, and nothing where most folders have no row: then this is another
    site's database.
    """
    before = (now or timezone.now()).timestamp() - KEPT
    return [*_scratch(Path(settings.FILE_UPLOAD_TEMP_DIR), before), *_folders(before)]


def _scratch(root: Path, before: float) -> list[str]:
    """What lies among files that are on their way."""
    gone = []
    for path in root.iterdir():
        try:
            if path.lstat().st_mtime >= before:
                continue
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        except FileNotFoundError:  # its owner was faster
            continue
        gone.append(path.name)
    return gone


def _folders(before: float) -> list[str]:
    """Folders under materials/ that no row names: originals in the uploads' storage, pictures on the disk."""
    local: Storage = FileSystemStorage(location=settings.MEDIA_ROOT)
    uploads = storages["default"]
    places = [local] if isinstance(uploads, FileSystemStorage) else [uploads, local]
    gone = []
    for place in places:
        names = [name for name in _listed(place, "materials")[0] if _is_uuid(name)]
        known = {str(uuid) for uuid in Material.objects.filter(uuid__in=names).values_list("uuid", flat=True)}
        orphans = [name for name in names if name not in known]
        if len(orphans) > len(known):
            logger.warning(
                "Most folders under materials/ have no row. Is this their database? Nothing was deleted."
            )
            continue
        for name in orphans:
            folder = f"materials/{name}"
            files = [f"{folder}/{file}" for file in _listed(place, folder)[1]]
            written = [place.get_modified_time(file).timestamp() for file in files]
            if place is local:
                written.append(Path(place.path(folder)).stat().st_mtime)
            if max(written, default=before) >= before:
                continue
            for file in files:
                place.delete(file)
            if place is local:
                shutil.rmtree(place.path(folder), ignore_errors=True)
            gone.append(name)
    return gone


def _listed(place: Storage, folder: str) -> tuple[list[str], list[str]]:
    """Folders and files in a folder of a storage; none where there is no such folder."""
    try:
        return place.listdir(folder)
    except FileNotFoundError:
        return [], []


def _is_uuid(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
