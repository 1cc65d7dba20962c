"""A lesson's file goes with its row, whatever took the row: its button, its teacher's account, an administrator."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from coach.models import Observation


@receiver(post_delete, sender=Observation)
def gone(instance: Observation, **kwargs: Any) -> None:
    """Delete the file once the row is gone for good."""
    from coach.bringing import delete_file

    if instance.file.name:
        transaction.on_commit(partial(delete_file, instance.file.storage, instance.file.name))
