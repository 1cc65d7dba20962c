"""MiniLM as an ONNX graph with int8 weights: over twice as fast on a CPU as bfloat16, and no torch in the process.

The graph reads one text at a time, so that a vector depends on its text alone: a batch would share one
quantisation range, and be padded. Matrix products quantise their input as they run (one range a text); everything
between them stays float32. The table of word pieces stays outside: it is four fifths of the weights, and a text needs a
few of its rows, which are read from the file as they are asked for.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

Floats = NDArray[np.float32]
OPSET = 20
TABLE = "embeddings.word_embeddings.weight"
MICROSOFT = "com.microsoft"  # onnxruntime's own fused operators


class Graph:
    """Nodes and weights of an ONNX graph in the making; every operation returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def constant(self, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        return self.add_many(operator, *inputs, outputs=outputs, **attributes)[0]

    def add_many(
        self, operator: str, *inputs: str, outputs: int, domain: str = "", **attributes: Any
    ) -> list[str]:
        from onnx import helper

        names = [f"n{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, domain=domain, **attributes))
        return names

    def linear(self, value: str, weight: Floats, bias: Floats) -> str:
        """value [T, in] times weight [out, in] as int8 with one scale an output, plus bias."""
        scale = np.maximum(np.abs(weight).max(axis=1), 1e-8) / 127
        packed = np.round(weight / scale[:, None]).astype(np.int8).T
        return self.add(
            "DynamicQuantizeMatMul",
            value,
            self.constant(packed),
            self.constant(scale.astype(np.float32)),
            self.constant(np.zeros(len(scale), np.int8)),
            self.constant(bias),
            domain=MICROSOFT,
        )


def word_table(folder: Path) -> Floats:
    """The vectors of the word pieces [pieces, width], mapped from the file."""
    file = folder / "model.safetensors"
    with file.open("rb") as handle:
        length = int.from_bytes(handle.read(8), "little")
        entry = json.loads(handle.read(length))[TABLE]
    return np.memmap(
        file, np.float32, "r", offset=8 + length + entry["data_offsets"][0], shape=tuple(entry["shape"])
    )


def graph_file(folder: Path) -> Path | bytes:
    """The graph of the encoder in `folder`, built there on first use; its bytes where nothing can be written."""
    code = sha256(Path(__file__).read_bytes()).hexdigest()[:12]  # a graph of other code is not ours
    file = folder / f"encoder-{code}.onnx"
    if not file.exists():
        graph = build(folder)
        try:
            with NamedTemporaryFile(dir=folder, suffix=".building", delete=False) as part:
                part.write(graph)
            Path(part.name).chmod(0o644)
            for old in folder.glob("encoder-*.onnx"):
                old.unlink(missing_ok=True)
            Path(part.name).replace(file)  # two processes may build at once: the same bytes
        except OSError:
            return graph
    return file


def build(folder: Path) -> bytes:
    """The graph of a BERT encoder in `folder` (config.json, model.safetensors), serialised.

    Input "words" [T, width] float32: the rows of `word_table` for [CLS], the text and [SEP]. Output "vector" [width]:
    the mean of the last layer at unit length.
    """
    from onnx import TensorProto, helper
    from safetensors import safe_open

    config = json.loads((folder / "config.json").read_text())
    with safe_open(folder / "model.safetensors", "numpy") as file:
        weights = {name: file.get_tensor(name) for name in file.keys() if name != TABLE}  # noqa: SIM118
    width, heads = config["hidden_size"], config["num_attention_heads"]
    graph = Graph()

    def normalise(value: str, name: str) -> str:
        gamma, beta = graph.constant(weights[f"{name}.weight"]), graph.constant(weights[f"{name}.bias"])
        return graph.add("LayerNormalization", value, gamma, beta, epsilon=config["layer_norm_eps"])

    places = (
        weights["embeddings.position_embeddings.weight"]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    zero = graph.constant(np.zeros(1, np.int64))
    length = graph.add("Shape", "words", end=1)
    placed = graph.add("Slice", graph.constant(places), zero, length, zero)
    hidden = normalise(graph.add("Add", "words", placed), "embeddings.LayerNorm")
    split_heads = graph.constant(np.array([-1, heads, width // heads], np.int64))
    join_heads = graph.constant(np.array([-1, width], np.int64))

    for index in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{index}"
        names = [f"{layer}.attention.self.{part}" for part in ("query", "key", "value")]
        shrink = np.float32((width // heads) ** -0.5)  # of the scores, folded into the queries
        weight = np.concatenate([weights[f"{name}.weight"] for name in names])
        bias = np.concatenate([weights[f"{name}.bias"] for name in names])
        weight[:width] *= shrink
        bias[:width] *= shrink
        parts = graph.add_many("Split", graph.linear(hidden, weight, bias), outputs=3, axis=1, num_outputs=3)
        query, key, value = (graph.add("Reshape", part, split_heads) for part in parts)
        scores = graph.add(
            "MatMul",
            graph.add("Transpose", query, perm=[1, 0, 2]),
            graph.add("Transpose", key, perm=[1, 2, 0]),
        )
        mixed = graph.add(
            "MatMul", graph.add("Softmax", scores, axis=-1), graph.add("Transpose", value, perm=[1, 0, 2])
        )
        mixed = graph.add("Reshape", graph.add("Transpose", mixed, perm=[1, 0, 2]), join_heads)
        name = f"{layer}.attention.output"
        mixed = graph.linear(mixed, weights[f"{name}.dense.weight"], weights[f"{name}.dense.bias"])
        hidden = normalise(graph.add("Add", hidden, mixed), f"{name}.LayerNorm")
        name = f"{layer}.intermediate.dense"
        wide = graph.add("Gelu", graph.linear(hidden, weights[f"{name}.weight"], weights[f"{name}.bias"]))
        name = f"{layer}.output"
        narrow = graph.linear(wide, weights[f"{name}.dense.weight"], weights[f"{name}.dense.bias"])
        hidden = normalise(graph.add("Add", hidden, narrow), f"{name}.LayerNorm")

    mean = graph.add("ReduceMean", hidden, zero, keepdims=0)
    norm = graph.add("ReduceL2", mean, zero, keepdims=1)
    graph.nodes.append(helper.make_node("Div", [mean, norm], ["vector"]))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "encoder",
            [helper.make_tensor_value_info("words", TensorProto.FLOAT, ["length", width])],
            [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [width])],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)],
        ir_version=10,
    )
    serialised: bytes = model.SerializeToString()
    return serialised
