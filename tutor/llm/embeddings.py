"""Vectors of texts: by the encoder in this process (workers, commands), or by the model host (the web process)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

import httpx
import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from tutor.llm import catalog

if TYPE_CHECKING:
    import onnxruntime
    from tokenizers import Tokenizer

MODEL = "all-MiniLM-L6-v2"
DIMENSION = 384
MAX_TOKENS = 256  # what the encoder was trained to read; the rest of a longer text is not seen
HOST_BATCH = 64
STARTING = 30.0  # seconds that a host which loads its models is waited for

Vectors = NDArray[np.float32]


class EmbeddingError(Exception):
    """No vectors can be had; the message says what to do."""


def embed(texts: Sequence[str]) -> Vectors:
    """Vectors of the texts, [n, 384] float32 of unit length; raises EmbeddingError.

    Safe to call from several threads. settings.EMBEDDINGS chooses the encoder in this process or the model host.
    """
    if not texts:
        return np.zeros((0, DIMENSION), np.float32)
    if settings.EMBEDDINGS == "host":
        return _from_host(texts)
    return _encoder().embed(texts)


def count_tokens(texts: Sequence[str]) -> list[int]:
    """Word pieces of each text, with the two the encoder adds; needs no vectors and no model host."""
    return [len(encoding.ids) for encoding in _tokenizer().encode_batch_fast(list(texts))]


class Encoder:
    """MiniLM in this process: one text a thread, one thread a core."""

    def __init__(self) -> None:
        import onnxruntime

        from tutor.llm.encoder import graph_file, word_table

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # several texts at once beat several threads on one text
        options.log_severity_level = 3
        folder = catalog.path(MODEL)
        self.session: onnxruntime.InferenceSession = onnxruntime.InferenceSession(
            graph_file(folder), options, providers=["CPUExecutionProvider"]
        )
        self.words = word_table(folder)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.threads = ThreadPoolExecutor(cores, thread_name_prefix="embed")

    def embed(self, texts: Sequence[str]) -> Vectors:
        rows = [_shortened(encoding.ids) for encoding in _tokenizer().encode_batch_fast(list(texts))]
        vectors = np.empty((len(rows), DIMENSION), np.float32)
        if len(rows) == 1:
            vectors[0] = self._one(rows[0])
            return vectors
        order = sorted(
            range(len(rows)), key=lambda row: -len(rows[row])
        )  # the longest first: no thread ends late
        for row, vector in zip(order, self.threads.map(self._one, (rows[row] for row in order)), strict=True):
            vectors[row] = vector
        return vectors

    def _one(self, ids: list[int]) -> Vectors:
        vector: Vectors = self.session.run(["vector"], {"words": self.words[ids]})[0]
        return vector


def _shortened(ids: list[int]) -> list[int]:
    return ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], ids[-1]]


_lock = threading.Lock()


def _encoder() -> Encoder:
    with _lock:  # two first callers must not build it twice
        return _cached_encoder()


@cache
def _cached_encoder() -> Encoder:
    try:
        return Encoder()
    except catalog.ModelMissing as error:
        raise EmbeddingError(str(error)) from error


@cache
def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(catalog.path(MODEL) / "tokenizer.json"))
    except catalog.ModelMissing as error:
        raise EmbeddingError(str(error)) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@cache
def _client() -> httpx.Client:
    return httpx.Client(timeout=httpx.Timeout(60, connect=3))


def _asked(url: str, batch: list[str]) -> httpx.Response:
    """The host's answer; one that is still starting is waited for, rather than to refuse the first question after a start."""
    until = time.monotonic() + STARTING
    while True:
        response = _client().post(url, json={"model": MODEL, "input": batch})
        if response.status_code != 503 or "being loaded" not in response.text or time.monotonic() > until:
            return response
        time.sleep(0.25)


def _from_host(texts: Sequence[str]) -> Vectors:
    url = f"{settings.HOST_URL}/embeddings"
    found: list[list[float]] = []
    try:
        for start in range(0, len(texts), HOST_BATCH):
            batch = list(texts[start : start + HOST_BATCH])
            response = _asked(url, batch)
            response.raise_for_status()
            found += [
                row["embedding"] for row in sorted(response.json()["data"], key=lambda row: row["index"])
            ]
    except httpx.HTTPStatusError as error:
        raise EmbeddingError(
            f"The model host at {settings.HOST_URL} refused to embed ({error.response.status_code}: "
            f"{error.response.text[:200]}). Its log says more; `manage.py serve` starts it anew."
        ) from error
    except httpx.HTTPError as error:
        raise EmbeddingError(
            f"The model host at {settings.HOST_URL} does not answer ({type(error).__name__}). "
            f"Start it with `manage.py serve`, or set EMBEDDINGS=process to embed in this process."
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise EmbeddingError(
            f"The server at {settings.HOST_URL} answers, but not with embeddings."
        ) from error
    vectors = np.array(found, np.float32)
    if vectors.shape != (len(texts), DIMENSION):
        raise EmbeddingError(f"The server at {settings.HOST_URL} answered vectors of shape {vectors.shape}.")
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return vectors
