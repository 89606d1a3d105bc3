"""Rounding the convolutions of an ONNX model to eight bits.

Values that flow into and out of a convolution become whole numbers from 0 to 255 (one scale and zero point for each
tensor), its kernels whole numbers from -127 to 127 (one scale for each output channel), its bias a whole number of the
product of both scales; everything else stays in float32. The model says so by pairs of QuantizeLinear and
DequantizeLinear, from which ONNX Runtime makes convolutions of whole numbers (ONNX operators 13, "QDQ" form).

A range is chosen so that the mean square of what rounding and clipping do to a sample of the tensor is least (as
Banner, Nahshan & Soudry, "Post training 4-bit quantization", NeurIPS 2019, but by search): a few outliers otherwise
coarsen all the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper

from models.engines.runtime import onnxruntime

SAMPLE = 200_000
"""Values of a tensor that its range is chosen by."""

TRIED = np.linspace(0.2, 1.0, 41)
"""Shares of the whole range that are tried."""

SMALL = 4096
"""Convolutions with fewer weights are left alone: there is nothing to gain."""

LARGE = 65536
"""Dense layers with fewer weights are left alone: they take no room."""


class Range(NamedTuple):
    """Of a tensor: what becomes 0 and what becomes 255."""

    low: float
    high: float

    @property
    def scale(self) -> np.float32:
        """What a step stands for."""
        return np.float32(max(self.high - self.low, 1e-8) / 255)

    @property
    def zero(self) -> np.uint8:
        """What stands for 0.0."""
        return np.uint8(np.clip(np.round(-self.low / self.scale), 0, 255))


class Convolution(NamedTuple):
    """One that can be rounded.

    Attributes:
        name: of its node.
        entry: tensor that flows in.
        exit: tensor that flows out, after the ReLU if there is nothing else behind it.
        work: multiplications for one row and output position; a measure of what rounding it is worth.
    """

    name: str
    entry: str
    exit: str
    work: int


def convolutions(model: ModelProto) -> list[Convolution]:
    """Those of a model that are worth rounding; not the first, whose input has the whole range of the signal."""
    kernels = {tensor.name: tensor for tensor in model.graph.initializer}
    inputs = {value.name for value in model.graph.input}
    fresh = {out for node in model.graph.node if set(node.input) & inputs for out in node.output} | inputs
    found = []
    for node in model.graph.node:
        if node.op_type != "Conv" or node.input[1] not in kernels or len(node.input) != 3:
            continue
        size = int(np.prod(kernels[node.input[1]].dims))
        if size >= SMALL and node.input[0] not in fresh:
            found.append(Convolution(node.name, node.input[0], _exit(model, node), size))
    return found


def ranges(model: ModelProto, rows: NDArray[np.float32], tensors: Collection[str]) -> dict[str, Range]:
    """Of some tensors of a float32 model, while it looks at rows ``(R, C, N)``."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    names = sorted(set(tensors))
    if not names:  # no name at all stands for every output
        return {}
    watched.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    run = session(watched)
    seen: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    drawn = np.random.default_rng(0)
    each = -(-SAMPLE * 64 // max(len(rows), 1))
    for at in range(0, len(rows), 64):
        for name, values in zip(names, run.run(names, {model.graph.input[0].name: rows[at : at + 64]}), strict=True):
            flat = values.ravel()
            seen[name].append(flat if len(flat) <= each else drawn.choice(flat, each, replace=False))
    return {name: _best(np.concatenate(values)) for name, values in seen.items()}


def rounded(model: ModelProto, chosen: Sequence[Convolution], known: Mapping[str, Range]) -> ModelProto:
    """A model whose chosen convolutions compute with whole numbers.

    Args:
        model: in float32.
        chosen: of its ``convolutions``.
        known: range of every tensor that flows into or out of them.
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    names = {convolution.name for convolution in chosen}
    tensors = dict.fromkeys(name for convolution in chosen for name in (convolution.entry, convolution.exit))
    nodes: list[NodeProto] = []
    for node in graph.node:
        if node.name in names:
            nodes += _whole_kernel(graph, node, constants, known)
        nodes.append(node)
        nodes += [pair for out in node.output if out in tensors for pair in _pair(graph, out, known[out])]
    for node in nodes:
        if node.op_type not in ("QuantizeLinear",):
            for at, name in enumerate(node.input):
                if name in tensors:
                    node.input[at] = f"{name}.rounded"
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
    return made


def slimmed(model: ModelProto) -> ModelProto:
    """A model whose large dense weights are kept in eight bits, a quarter of the size, and computed with in float32.

    One scale for each output. What flows between dense layers is little, and not worth rounding.
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    nodes: list[NodeProto] = []
    for node in graph.node:
        if node.op_type in ("Gemm", "MatMul") and node.input[1] in weights:
            tensor = weights[node.input[1]]
            if len(tensor.dims) == 2 and int(np.prod(tensor.dims)) >= LARGE:
                turned = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
                nodes.append(_small_dense(graph, node, numpy_helper.to_array(tensor), 0 if turned else 1))
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
    return made


def _small_dense(graph: Any, node: NodeProto, values: NDArray[np.float32], outputs: int) -> NodeProto:
    """Replaces the weights of a dense layer by rounded ones; ``outputs`` is their axis."""
    name = f"{node.input[1]}.small"
    if name not in {tensor.name.removesuffix(".whole") for tensor in graph.initializer}:
        scale = np.maximum(np.abs(values).max(axis=1 - outputs), 1e-8).astype(np.float32) / np.float32(127)
        steps = np.round(values / np.expand_dims(scale, 1 - outputs)).astype(np.int8)
        for what, constant in (("whole", steps), ("scale", scale), ("zero", np.zeros(len(scale), np.int8))):
            _constant(graph, f"{name}.{what}", constant)
    node.input[1] = f"{node.name}.{name}"
    inputs = [f"{name}.{what}" for what in ("whole", "scale", "zero")]
    return helper.make_node("DequantizeLinear", inputs, [node.input[1]], f"{node.input[1]}.dequantize", axis=outputs)


def session(model: ModelProto, threads: int = 1) -> Any:
    """An ONNX Runtime session of a model in memory."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _exit(model: ModelProto, conv: NodeProto) -> str:
    after = [node for node in model.graph.node if conv.output[0] in node.input]
    if len(after) == 1 and after[0].op_type == "Relu":
        return str(after[0].output[0])
    return str(conv.output[0])


def _best(values: NDArray[np.float32]) -> Range:
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    errors = [_error(values, Range(low * share, high * share)) for share in TRIED]
    share = float(TRIED[int(np.argmin(errors))])
    return Range(low * share, high * share)


def _error(values: NDArray[np.float32], within: Range) -> float:
    steps = np.clip(np.round(values / within.scale) + within.zero, 0, 255)
    return float(np.mean(((steps - within.zero) * within.scale - values) ** 2))


def _pair(graph: Any, name: str, within: Range) -> list[NodeProto]:
    """Rounds a tensor and gives back its value."""
    scale, zero = _constant(graph, f"{name}.scale", within.scale), _constant(graph, f"{name}.zero", within.zero)
    return [
        helper.make_node("QuantizeLinear", [name, scale, zero], [f"{name}.whole"], f"{name}.quantize"),
        helper.make_node("DequantizeLinear", [f"{name}.whole", scale, zero], [f"{name}.rounded"], f"{name}.dequantize"),
    ]


def _whole_kernel(
    graph: Any, conv: NodeProto, constants: Mapping[str, NDArray[Any]], known: Mapping[str, Range]
) -> list[NodeProto]:
    """Replaces kernel and bias of a convolution by rounded ones."""
    kernel, bias = constants[conv.input[1]], constants[conv.input[2]]
    axes = tuple(range(1, kernel.ndim))
    scale = np.maximum(np.abs(kernel).max(axis=axes), 1e-8).astype(np.float32) / np.float32(127)
    steps = np.round(kernel / scale.reshape(-1, *(1 for _ in axes))).astype(np.int8)
    product = (scale * known[conv.input[0]].scale).astype(np.float32)
    whole_bias = np.clip(np.round(bias / product), -(2**31) + 1, 2**31 - 1).astype(np.int32)
    nodes = []
    for at, (values, size, kind) in enumerate(((steps, scale, np.int8), (whole_bias, product, np.int32)), start=1):
        name = f"{conv.name}.{'kernel' if at == 1 else 'bias'}"
        inputs = [
            _constant(graph, f"{name}.whole", values),
            _constant(graph, f"{name}.scale", size),
            _constant(graph, f"{name}.zero", np.zeros(len(size), kind)),
        ]
        nodes.append(helper.make_node("DequantizeLinear", inputs, [name], f"{name}.dequantize", axis=0))
        conv.input[at] = name
    return nodes


def _constant(graph: Any, name: str, value: Any) -> str:
    graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return name
