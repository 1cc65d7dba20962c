"""Vectors of utterances from the middle layers of the default sentence encoder, which know more of how a thing is said
than its last layer, trained for what is meant.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tutor.llm import catalog
from tutor.llm.encoder import graph_file, word_table

if TYPE_CHECKING:
    import onnxruntime

MODEL = "all-MiniLM-L6-v2"
LAYERS = (3, 4, 5)  # of 0 (word pieces) to 6
WIDTH = 384
MAX_TOKENS = 112
KEPT = 20_000  # texts whose vectors stay in memory, 2.3 kB each

Halves = NDArray[np.float16]


class EncoderMissing(Exception):
    """A default model is not on this machine; the message says how to fetch it."""


_lock = threading.Lock()
_kept: OrderedDict[str, Halves] = OrderedDict()


def layers(texts: Sequence[str]) -> Halves:
    """The mean over word pieces of each text in each of LAYERS, [n, len(LAYERS), WIDTH] float16; "" is zeros.

    Raises EncoderMissing. Safe to call from several threads; a text seen lately is not read again.
    """
    with _lock:
        new = [text for text in dict.fromkeys(texts) if text and text not in _kept]
        read = dict(zip(new, _encoder().read(new), strict=True)) if new else {}
        nothing = np.zeros((len(LAYERS), WIDTH), np.float16)
        found = [read[text] if text in read else _kept.get(text, nothing) for text in texts]
        _kept.update(read)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return np.stack(found) if found else np.zeros((0, len(LAYERS), WIDTH), np.float16)


class _Encoder:
    """The graph that embeddings are made with, read at LAYERS; one text a thread, one thread a core."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # several texts at once beat several threads on one text
        options.log_severity_level = 3
        graph, self.outputs = _opened(graph_file(folder))
        self.session: onnxruntime.InferenceSession = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )
        self.words = word_table(folder)
        self.tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(MAX_TOKENS)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.threads = ThreadPoolExecutor(cores, thread_name_prefix="classify")

    def read(self, texts: Sequence[str]) -> list[Halves]:
        rows = [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts))]
        return list(self.threads.map(self._one, rows))

    def _one(self, ids: list[int]) -> Halves:
        found = self.session.run(self.outputs, {"words": self.words[ids]})
        means: Halves = np.stack([layer.mean(0) for layer in found]).astype(np.float16)
        return means


def _opened(graph: Path | bytes) -> tuple[bytes, list[str]]:
    """The graph with the ends of LAYERS as its outputs, and their names."""
    import onnx

    model = onnx.load_from_string(graph if isinstance(graph, bytes) else graph.read_bytes())
    # one normalisation ends the word pieces, then two stand in each layer
    ends = [node.output[0] for node in model.graph.node if node.op_type == "LayerNormalization"][::2]
    names = [ends[layer] for layer in LAYERS]
    del model.graph.output[:]
    for name in names:
        model.graph.output.append(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["length", WIDTH])
        )
    return model.SerializeToString(), names


@cache
def _encoder() -> _Encoder:
    try:
        return _Encoder(catalog.path(MODEL))
    except catalog.ModelMissing as error:
        raise EncoderMissing(str(error)) from error
