"""Search indexes of courses: caches in this process, brought up to date from the rows when a course has changed.

The rows are the truth (Passage.vector, float16). A course's `index_version` says that they changed; what was only added
is added here too, so a long recording that becomes searchable piece by piece costs each piece once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from courses.lexical import LexicalIndex
from courses.models import Course, Material, Passage
from tutor.llm.embeddings import DIMENSION

if TYPE_CHECKING:
    import faiss

HEADING_BOOST = 1.0
MAX_ROWS = 400_000  # over all courses in this process: about 0.9 GB at the very most
REBUILD_SHARE = 0.25  # rows of a course that are gone before it is built anew
LOAD_BATCH = 2_000

Floats = NDArray[np.float32]


def unpack(vector: bytes | memoryview | None) -> Floats | None:
    """A stored float16 vector as float32."""
    return None if vector is None else np.frombuffer(vector, np.float16).astype(np.float32)


def pack(vector: Floats) -> bytes:
    """A vector as it is stored: float16."""
    return vector.astype(np.float16).tobytes()


class CourseIndex:
    """Dense and lexical index of the passages of one course."""

    def __init__(self, course_id: int) -> None:
        self.course_id = course_id
        self.version = -1
        self.lock = threading.RLock()
        self._clear()

    def _clear(self) -> None:
        import faiss

        faiss.omp_set_num_threads(1)  # a query's milliseconds are not worth waking other threads for
        self.row_of: dict[int, int] = {}
        self.ids = np.zeros(
            0, np.int64
        )  # of rows: passage, its material, whether it still exists, whether pinned
        self.materials = np.zeros(0, np.int64)
        self.alive = np.zeros(0, bool)
        self.pinned = np.zeros(0, bool)
        self.lexical = LexicalIndex()
        self.dense: faiss.IndexFlatIP = faiss.IndexFlatIP(DIMENSION)
        self.dense_rows = np.zeros(0, np.int64)  # row of each vector
        self.place_of: dict[int, int] = {}  # of a row's vector
        self.waiting: set[int] = set()  # passages that have no vector yet

    def __len__(self) -> int:
        return len(self.ids)

    def refresh(self) -> None:
        """Bring the index up to date with the rows, if the course has changed."""
        version = (
            Course.objects.filter(pk=self.course_id).values_list("index_version", flat=True).first() or 0
        )
        if version == self.version:
            return
        with self.lock:
            if version == self.version:
                return
            rows = Passage.objects.filter(
                course_id=self.course_id,
                material__in=Material.objects.filter(course_id=self.course_id).current(),
            )
            present = np.fromiter(rows.order_by().values_list("pk", flat=True), np.int64)
            if len(self):
                self.alive = np.isin(self.ids, present)
                if (~self.alive).mean() > REBUILD_SHARE:
                    self._clear()
            added = [pk for pk in sorted(present.tolist()) if pk not in self.row_of]
            for start in range(0, len(added), LOAD_BATCH):
                self._add(added[start : start + LOAD_BATCH])
            self._add_vectors(self.waiting.intersection(present.tolist()).difference(added))
            self.version = version

    def _add(self, ids: Collection[int]) -> None:
        fields = ("pk", "material_id", "material__title", "heading_path", "text", "pinned", "vector")
        new: list[tuple[int, int, bool]] = []
        vectors: list[Floats] = []
        vector_rows: list[int] = []
        for pk, material, title, path, text, pinned, vector in (
            Passage.objects.filter(pk__in=ids).order_by("pk").values_list(*fields)
        ):
            row = len(self.ids) + len(new)
            self.row_of[pk] = row
            new.append((pk, material, pinned))
            self.lexical.add(text, boosted=" ".join([title, *path]), boost=HEADING_BOOST)
            unpacked = unpack(vector)
            if unpacked is None:
                self.waiting.add(pk)
            else:
                vectors.append(unpacked)
                vector_rows.append(row)
        columns: list[list[Any]] = [list(column) for column in zip(*new, strict=True)] or [[], [], []]
        self.ids = np.append(self.ids, np.array(columns[0], np.int64))
        self.materials = np.append(self.materials, np.array(columns[1], np.int64))
        self.pinned = np.append(self.pinned, np.array(columns[2], bool))
        self.alive = np.append(self.alive, np.ones(len(new), bool))
        self._store(vectors, vector_rows)

    def _add_vectors(self, ids: Collection[int]) -> None:
        """Vectors that were made after their passage was first seen here."""
        found = Passage.objects.filter(pk__in=ids, vector__isnull=False).values_list("pk", "vector")
        vectors, rows = [], []
        for pk, vector in found:
            self.waiting.discard(pk)
            vectors.append(np.frombuffer(vector or b"", np.float16).astype(np.float32))
            rows.append(self.row_of[pk])
        self._store(vectors, rows)

    def _store(self, vectors: list[Floats], rows: list[int]) -> None:
        if vectors:
            self.place_of.update((row, self.dense.ntotal + place) for place, row in enumerate(rows))
            self.dense.add(np.stack(vectors))
            self.dense_rows = np.append(self.dense_rows, np.array(rows, np.int64))

    def allowed(self, materials: Collection[int]) -> NDArray[np.bool_]:
        """Which rows may be found, given the materials that may be read."""
        return self.alive & np.isin(self.materials, np.fromiter(materials, np.int64))

    def allowed_passages(self, passages: Collection[int]) -> NDArray[np.bool_]:
        """Which rows may be found, given the very passages that may be read."""
        return self.alive & np.isin(self.ids, np.fromiter(passages, np.int64))

    def nearest(self, vector: Floats, allowed: NDArray[np.bool_], count: int) -> list[tuple[int, float]]:
        """(row, cosine) of the nearest allowed rows, best first; exact."""
        import faiss

        if not self.dense.ntotal:
            return []
        keep = allowed[self.dense_rows]
        parameters = None
        if not keep.all():
            selector: Any = faiss.IDSelectorBitmap
            chosen: Any = faiss.SearchParameters  # faiss adds to both constructors what its types do not say
            parameters = chosen(sel=selector(np.packbits(keep, bitorder="little")))
        scores, places = self.dense.search(
            vector.reshape(1, -1), min(count, self.dense.ntotal), params=parameters
        )
        return [
            (int(self.dense_rows[place]), float(score))
            for place, score in zip(places[0], scores[0], strict=True)
            if place >= 0
        ]

    def similarity(self, row: int, vector: Floats) -> float:
        """Cosine of a row's vector with another; 0 while it has none."""
        place = self.place_of.get(row)
        return 0.0 if place is None else float(self.dense.reconstruct(place) @ vector)

    def matching(self, query: list[str], allowed: NDArray[np.bool_], count: int) -> list[tuple[int, float]]:
        """(row, BM25) of the best allowed rows that share a word with the query, best first."""
        scores = np.where(allowed, self.lexical.scores(query), 0)
        if not len(scores):
            return []
        count = min(count, len(scores))
        best = np.argpartition(-scores, count - 1)[:count]
        ordered = best[np.lexsort((best, -scores[best]))]
        return [(int(row), float(scores[row])) for row in ordered if scores[row] > 0]


_indexes: OrderedDict[int, CourseIndex] = OrderedDict()
_indexes_lock = threading.Lock()


def index_of(course: Course) -> CourseIndex:
    """The course's index in this process, up to date with the rows."""
    with _indexes_lock:
        index = _indexes.setdefault(course.pk, CourseIndex(course.pk))
        _indexes.move_to_end(course.pk)
    index.refresh()
    with _indexes_lock:
        while len(_indexes) > 1 and sum(len(other) for other in _indexes.values()) > MAX_ROWS:
            _indexes.popitem(last=False)
    return index


def forget(course_id: int | None = None) -> None:
    """Drop a course's index from this process, or all of them (memory, tests)."""
    with _indexes_lock:
        if course_id is None:
            _indexes.clear()
        else:
            _indexes.pop(course_id, None)
