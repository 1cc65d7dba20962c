"""From a file to passages that can be found: read, split, embed, index; piece by piece, so that a long recording can be
searched up to where it has been read."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.db import transaction
from django.db.models import Q
from django.utils.text import Truncator

from courses.anchors import StoredBlock
from courses.extracts import append
from courses.figures import Describer
from courses.index import pack
from courses.models import Extract, Material, Passage
from courses.parsing import kind_of, parse
from courses.passages import Draft, Splitter
from courses.propositions import Sentence
from courses.readers.parts import Part, UnreadableFile
from courses.storing import claims_of, embed_propositions, store, to_embed
from courses.uploads import title_of
from tutor.jobs import State
from tutor.llm.catalog import ModelMissing
from tutor.llm.embeddings import EmbeddingError, Vectors, embed

logger = logging.getLogger(__name__)

FLUSH_PASSAGES = (
    64  # the first time; each flush waits for half as many again, so that their number stays small
)
FLUSH_GROWTH = 1.5
FLUSH_MOST = 512
FLUSH_SECONDS = 10.0
SAY_SECONDS = 1.0  # between two reports of progress
INDEX_SHARE = 0.03  # of the whole job, left for the end


class Gone(Exception):
    """The material was deleted or stopped, or another worker has it: leave quietly."""


def ingest(material: Material) -> None:
    """Read a queued material into passages. The outcome is on its row; raises nothing for a file's own faults.

    May be called twice for one row: the second call finds it taken. What a failed attempt wrote is removed, the file
    is kept for a retry.
    """
    if not material.claim():
        return
    try:
        with material.heartbeat():
            if material.origin == Material.Origin.ANSWER:
                _embed_waiting(material)
            else:
                _Ingestion(material).run()
    except Gone:
        pass
    except (UnreadableFile, EmbeddingError, ModelMissing) as error:
        _fail(material, str(error))
    except FileNotFoundError:
        _fail(material, "The stored file is missing. Upload it again.")
    except Exception:
        logger.exception("Ingesting material %s failed", material.pk)
        _fail(
            material,
            "Something went wrong while this file was read; the worker's log has the details. Retry, and if it "
            "fails again, save the file anew or in another format and upload that.",
        )


def mine(material: Material) -> Any:
    """The material's row as long as this attempt owns it: not deleted, stopped, or taken over."""
    return Material.objects.filter(pk=material.pk, state=State.RUNNING, attempts=material.attempts)


def _hold(material: Material) -> None:
    """Inside a transaction: make sure that the row stays ours until it ends. Raises Gone."""
    if not mine(material).select_for_update().exists():
        raise Gone


def _discard(material: Material) -> None:
    """Remove what an attempt wrote."""
    if material.passages.exists() or Extract.objects.filter(material=material).exists():
        material.passages.all().delete()
        Extract.objects.filter(material=material).delete()
        material.course.touch_index()
    try:
        material.discard_pictures()
    except Exception:  # a storage that is away must not keep the row from saying so
        logger.exception("The pictures of material %s could not be deleted", material.uuid)


def _fail(material: Material, message: str) -> None:
    with transaction.atomic():
        if not mine(material).select_for_update().exists():
            return
        if material.origin != Material.Origin.ANSWER:
            _discard(material)
        material.fail(message)


@contextmanager
def local_copy(file: File[Any]) -> Iterator[Path]:
    """The file on this machine's disk, wherever it is stored."""
    try:
        yield Path(file.path)  # type: ignore[attr-defined]
        return
    except NotImplementedError:  # object storage
        pass
    suffix = Path(file.name or "").suffix
    with tempfile.NamedTemporaryFile(suffix=suffix, dir=settings.FILE_UPLOAD_TEMP_DIR) as copy:
        with file.open("rb") as source:
            shutil.copyfileobj(source, copy)
        copy.flush()
        yield Path(copy.name)


@dataclass(frozen=True)
class Batch:
    """Passages that the encoder is working on."""

    drafts: list[Draft]
    claims: list[list[Sentence]]
    vectors: Future[Vectors]


class _Ingestion:
    """One attempt at reading one material."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.text = ""
        self.blocks: list[StoredBlock] = []
        self.splitter = Splitter()
        self.describer = Describer(material)
        self.waiting: list[Draft] = []
        self.sent: Batch | None = None
        self.encoder = ThreadPoolExecutor(1, thread_name_prefix="ingest")
        self.count = 0
        self.flush_at = FLUSH_PASSAGES
        self.started = self.flushed = time.monotonic()
        self.said = 0.0
        self.done = 0.0

    def run(self) -> None:
        """Read the file and store what it says."""
        with self.encoder:
            self._run()

    def _run(self) -> None:
        material = self.material
        with transaction.atomic():
            _hold(material)
            _discard(material)
        self._say("read")
        with local_copy(material.file) as path:
            if not material.kind:
                material.kind = kind_of(path, material.filename)
            self._refuse_twin()
            parts = parse(path, material.kind, material.folder)
            if material.captions:
                with closing(parts):
                    self._take(next(parts))  # what the recording is; its words come from the captions
            else:
                for part in parts:
                    self._take(part)
        if material.captions:
            with local_copy(material.captions) as path:
                for part in parse(path, kind_of(path, str(material.captions.name)), material.folder):
                    self._take(part)
        self.waiting += self.splitter.close(self.text)
        self._flush()
        self._store()
        if not self.count:
            raise UnreadableFile(
                f"No text was found in “{material.filename}”. If it is a scan or a picture, upload a sharper one; "
                "if it is a recording, check that it has sound."
            )
        material.keep_pictures()
        self._finish()

    def _refuse_twin(self) -> None:
        """Two equal files that were uploaded at the same moment: the first is read, the second says so."""
        material = self.material
        if not material.sha256:
            return
        others = Material.objects.current().filter(course=material.course_id, sha256=material.sha256)
        others = others.exclude(pk=material.pk).filter(
            Q(state=State.DONE) | Q(pk__lt=material.pk, state__in=(State.QUEUED, State.RUNNING))
        )
        twin = others.first()
        if twin is not None:
            raise UnreadableFile(
                f"The same file is already in this course as “{twin.title}”. Delete this one, or upload it as a new "
                "version after changing it."
            )

    def _take(self, part: Part) -> None:
        blocks = [self.describer.describe(block) for block in part.blocks]
        known = len(self.blocks)
        self.text = append(self.text, self.blocks, blocks)
        self.material.meta = {**self.material.meta, **part.meta, **self.describer.meta}
        self.done = part.done
        self.waiting += self.splitter.feed(self.text, self.blocks[known:])
        if len(self.waiting) >= self.flush_at:
            self._flush()  # reading goes on while the encoder works
            self.flush_at = min(int(self.flush_at * FLUSH_GROWTH), FLUSH_MOST)
        elif self.waiting and time.monotonic() - self.flushed > FLUSH_SECONDS:
            self._flush()
            self._store()  # reading is slow: what there is must not wait for more
        elif self.sent is not None and self.sent.vectors.done():
            self._store()
        self._say("read")

    def _say(self, stage: str) -> None:
        """Report progress, not more often than a person can see; notice here that the job is no longer ours."""
        now = time.monotonic()
        if now - self.said < SAY_SECONDS:
            return
        self.said = now
        if not mine(self.material).exists():
            raise Gone
        progress = self.done * (1 - INDEX_SHARE)
        elapsed = now - self.started
        eta = elapsed * (1 - progress) / progress if progress > 0.02 and elapsed > 2 else None
        self.material.advance(stage, progress, eta)

    def _flush(self) -> None:
        """Send what waits to the encoder; meanwhile store what was sent before, and take the new claims apart."""
        self._entitle()
        self._say("split")
        drafts, self.waiting = self.waiting, []
        texts = [to_embed(self.material.title, draft) for draft in drafts]
        vectors = self.encoder.submit(embed, texts)
        self._store()
        claims = [claims_of(draft, self.blocks) for draft in drafts]
        self.sent = Batch(drafts, claims, vectors)
        self.flushed = time.monotonic()

    def _entitle(self) -> None:
        """Call the material what it calls itself, unless a person has named it."""
        material = self.material
        title = str(material.meta.get("title") or "").strip()
        if title and material.title == title_of(material.filename) and material.replaces_id is None:
            material.title = Truncator(title).chars(200)
            Material.objects.filter(pk=material.pk).update(title=material.title)

    def _store(self) -> None:
        """Make findable what was sent to the encoder: all of it, with the text so far, in one transaction."""
        sent, self.sent = self.sent, None
        if sent is None:
            return
        self._say("embed")
        vectors = sent.vectors.result()
        self._say("index")
        with transaction.atomic():
            _hold(self.material)
            rows = [
                Passage(
                    material=self.material,
                    course_id=self.material.course_id,
                    ordinal=self.count + place,
                    vector=pack(vector),
                    **vars(draft),
                )
                for place, (draft, vector) in enumerate(zip(sent.drafts, vectors, strict=True))
            ]
            store(rows, sent.claims)
            Extract.objects.update_or_create(
                material=self.material, defaults={"text": self.text, "blocks": self.blocks}
            )
            Material.objects.filter(pk=self.material.pk).update(
                meta=self.material.meta, kind=self.material.kind
            )
            self.material.course.touch_index()
        self.count += len(rows)

    def _finish(self) -> None:
        material = self.material
        with transaction.atomic():
            _hold(material)
            if material.replaces_id is not None:
                Material.objects.filter(pk=material.replaces_id).update(superseded=True)
            material.course.touch_index()
            material.finish()


def _embed_waiting(material: Material) -> None:
    """Give a staff answer its vectors; its passage is there already, and found by its words."""
    rows = list(material.passages.filter(vector=None))
    for row, vector in zip(rows, embed([row.text for row in rows]), strict=True):
        row.vector = pack(vector)
    embed_propositions(material)
    with transaction.atomic():
        _hold(material)
        Passage.objects.bulk_update(rows, ["vector"])
        material.course.touch_index()
        material.finish()
