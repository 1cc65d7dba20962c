"""Taking material and courses away, with everything that was made from them."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable

from django.db import transaction

from courses.models import Course, Material
from tutor.jobs import State

logger = logging.getLogger(__name__)


def versions(material: Material) -> list[Material]:
    """The material and every version of it, newest first."""
    newest = material
    while following := Material.objects.filter(replaces=newest).first():
        newest = following
    found = [newest]
    while (replaced := found[-1].replaces) is not None:
        found.append(replaced)
    return found


def remove(material: Material) -> int:
    """Delete a material. With the version in use go the older ones; returns how many went.

    An older version, or a new one that is not in use yet, goes alone.
    """
    alone = material.superseded or (material.replaces_id is not None and material.state != State.DONE)
    chain = versions(material)
    doomed = [material] if alone else chain[chain.index(material) :]
    with transaction.atomic():
        for version in doomed:
            remove_version(version)
    return len(doomed)


def remove_version(material: Material) -> None:
    """Delete one version: its rows now, its files when the transaction has been committed."""
    with transaction.atomic():
        older, material.replaces = material.replaces, None
        material.save(update_fields=["replaces"])
        Material.objects.filter(replaces=material).update(replaces=older)
        erase = files_of(material)
        material.delete()
        material.course.touch_index()
        transaction.on_commit(erase)


def remove_course(course: Course) -> None:
    """Delete a course with its materials, conversations and people's places in it."""
    with transaction.atomic():
        for material in course.materials.all():
            transaction.on_commit(files_of(material))
        course.delete()


def files_of(material: Material) -> Callable[[], None]:
    """What deletes the material's original, its captions and the pictures taken out of it, to be called later."""
    names = [str(file.name) for file in (material.file, material.captions) if file]

    def erase() -> None:
        try:
            found = {*names, *material.stored()}
        except Exception:  # a storage that does not list still deletes what we know of
            logger.exception("What the storage holds of material %s is not known", material.uuid)
            found = set(names)
        for name in found:
            try:
                material.file.storage.delete(name)
            except Exception:  # the rows are gone already: one file that stays must not keep the others
                logger.exception("The file %s could not be deleted", name)
        shutil.rmtree(material.folder, ignore_errors=True)

    return erase
