"""Embeddings that the verifier needs, each text embedded once: sentences and claims."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from courses.sentences import sentences
from tutor.llm.embeddings import embed

KEPT = 8_192  # texts whose vectors stay in memory: 12 MB

_cache: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
_lock = Lock()


@lru_cache(2_048)
def sentence_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Offsets of the sentences of a text."""
    return tuple((start, end) for start, end in sentences(text) if text[start:end].strip())


def vectors_of(texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors (n, 384) of the texts; those not seen lately are embedded in one batch."""
    with _lock:
        known = {text: _cache[text] for text in texts if text in _cache}
        for text in known:
            _cache.move_to_end(text)
    new = [text for text in dict.fromkeys(texts) if text not in known]
    if new:
        known |= dict(zip(new, embed(new), strict=True))
        with _lock:
            _cache.update({text: known[text] for text in new})
            while len(_cache) > KEPT:
                _cache.popitem(last=False)
    return np.array([known[text] for text in texts], dtype=np.float32).reshape(len(texts), -1)
