"""Where trained classifiers are kept: those that come with Lyceum beside the code, the site's own among its files."""

from __future__ import annotations

import json
import threading
import uuid
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.module_loading import import_string

from coach.classifiers import KINDS
from coach.classifiers.blend import Blend, WeightsDamaged
from coach.classifiers.kinds import Kind
from coach.models import Classifier

SHIPPED = Path(__file__).parents[1] / "data" / "classifiers"
FILE = "weights.npz"
# what others reported: Demszky et al. 2021, Alic et al. 2022, Demszky and Hill 2023 (NCTE); Suresh et al. 2022 (TalkMoves)
PUBLISHED: dict[str, dict[str, Any]] = {
    "uptake": {"spearman": 0.54, "f1": 0.69, "by": "RoBERTa, NCTE transcripts"},
    "focusing": {"pearson": 0.76, "macro_f1": 0.50, "by": "RoBERTa, NCTE transcripts"},
    "reasoning": {"f1": 0.65, "accuracy": 0.86, "by": "RoBERTa, NCTE transcripts"},
    "teacher_moves": {"macro_f1": 0.77, "by": "RoBERTa, TalkMoves"},
    "student_moves": {"macro_f1": 0.67, "by": "RoBERTa, TalkMoves"},
}


@dataclass(frozen=True)
class Kept:
    """A classifier in use, and what is known of it."""

    blend: Blend
    about: dict[str, Any]


_lock = threading.Lock()


def kind_of(name: str) -> Kind:
    """The kind of that name; raises KeyError."""
    found: Kind = import_string(KINDS[name])
    return found


def active(name: str) -> Kept:
    """The classifier in use: the site's latest active training, else the one that comes with Lyceum.

    Raises KeyError for an unknown kind, WeightsDamaged.
    """
    kind = kind_of(name)
    row = Classifier.objects.filter(kind=name, active=True).order_by("-pk").first()
    with _lock:  # two first callers must not load it twice
        return _trained(row.path) if row else _shipped(kind.name)


@cache
def _trained(path: str) -> Kept:
    row = Classifier.objects.get(path=path)
    name = row.kind
    again = f"Train it again: python manage.py coach_train {name} --data FILE"
    try:
        with default_storage.open(f"{path}/{FILE}") as file:
            data = file.read()
    except OSError as error:
        raise WeightsDamaged(f"The weights of the classifier {row} are gone. {again}") from error
    if sha256(data).hexdigest() != row.scores.get("weights_sha256"):
        raise WeightsDamaged(f"The weights of the classifier {row} are not what was stored. {again}")
    try:
        blend = Blend.from_bytes(data, kind_of(name))
    except WeightsDamaged as error:
        raise WeightsDamaged(f"The weights of the classifier {row}: {error}. {again}") from error
    return Kept(blend, _about(name, row.scores, row.source, shipped=False))


@cache
def _shipped(name: str) -> Kept:
    try:
        about = json.loads((SHIPPED / f"{name}.json").read_text(encoding="utf-8"))
        data = (SHIPPED / f"{name}.npz").read_bytes()
    except OSError as error:
        raise WeightsDamaged(
            f"The weights that come with Lyceum are gone ({error}). Install it again."
        ) from error
    if sha256(data).hexdigest() != about["scores"]["weights_sha256"]:
        raise WeightsDamaged(f"{name}.npz is not the file that came with Lyceum. Install it again.")
    return Kept(
        Blend.from_bytes(data, kind_of(name)), _about(name, about["scores"], about["source"], shipped=True)
    )


def _about(name: str, scores: dict[str, Any], source: str, shipped: bool) -> dict[str, Any]:
    by = f"{scores['rows']} rows of {scores['lessons']} lessons it did not see: {source}"
    return {
        "measured": {**scores["measured"], "by": by},
        "rows": scores["rows"],
        "lessons": scores["lessons"],
        "source": source,
        "shipped": shipped,
        "published": PUBLISHED[name],
    }


def keep(blend: Blend, scores: dict[str, Any], source: str, data_sha256: str) -> Classifier:
    """Store a trained classifier and use it from now on. All or nothing: without its file there is no row."""
    data = blend.to_bytes()
    folder = f"classifiers/{uuid.uuid4()}"
    name = default_storage.save(f"{folder}/{FILE}", ContentFile(data))
    try:
        with transaction.atomic():
            Classifier.objects.filter(kind=blend.kind.name, active=True).update(active=False)
            return Classifier.objects.create(
                kind=blend.kind.name,
                path=folder,
                scores={**scores, "weights_sha256": sha256(data).hexdigest()},
                rows=scores["rows"],
                source=source[:200],
                sha256=data_sha256,
            )
    except BaseException:
        default_storage.delete(name)
        raise
