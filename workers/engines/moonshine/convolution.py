"""The encoder's second convolution as a product of unfolded rows, which int8 speeds up.

It takes a third of the encoder's time, and onnxruntime has no int8 convolution of its kind. Its
channels are brought to like sizes (precision.py), those of the normalization before it. The third
convolution stays as it is: int8 there costs words.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from workers.engines.moonshine.precision import Weights, apart, set_constant

PRODUCT = ".unfolded.MatMul"
"""What the name of the product ends with."""

_KERNEL, _STRIDE = 7, 3
_END = np.iinfo(np.int32).max


def unfold(graph: onnx.GraphProto, largest: Weights | None = None) -> bool:
    """Replaces the convolution in a folded encoder; False where there is none of its kind.
    `largest`: the largest values of the channels of its `source`; None: they stay as they are."""
    found = _found(graph)
    if found is None:
        return False
    node, scale, shift = found
    constants = {each.name: each for each in graph.initializer}
    kernel, bias = (numpy_helper.to_array(constants[name]) for name in node.input[1:])
    if largest is not None:
        sizes = apart(largest, np.abs(kernel).max(axis=(0, 2)))
        for name in (scale.input[1], shift.input[1]):
            values = numpy_helper.to_array(constants[name])
            set_constant(constants[name], values / sizes.reshape(values.shape))
        kernel = kernel * sizes[np.newaxis, :, np.newaxis]
    matrix = kernel.transpose(2, 1, 0)
    product = _product(graph, node.input[0], node.output[0], matrix, bias)
    at = list(graph.node).index(node)
    _replace(graph, [*graph.node[:at], *product, *graph.node[at + 1 :]])
    return True


def source(graph: onnx.GraphProto) -> str | None:
    """The tensor that goes into the convolution, [1, channels, n]; None where there is none."""
    found = _found(graph)
    return None if found is None else str(found[0].input[0])


def _found(
    graph: onnx.GraphProto,
) -> tuple[onnx.NodeProto, onnx.NodeProto, onnx.NodeProto] | None:
    """The convolution, and the scale and the shift before it."""
    constants = {each.name: each for each in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        if node.op_type != "Conv" or tuple(constants[node.input[1]].dims[2:]) != (_KERNEL,):
            continue
        shift = makers.get(node.input[0])
        scale = makers.get(shift.input[0]) if shift is not None else None
        if shift is None or scale is None or (shift.op_type, scale.op_type) != ("Add", "Mul"):
            return None
        return node, scale, shift
    return None


def _product(
    graph: onnx.GraphProto, source: str, name: str, matrix: Weights, bias: Weights
) -> list[onnx.NodeProto]:
    """Nodes from `source` [1, in, n] to `name` [1, out, m]; `matrix` is [kernel, in, out]."""

    def constant(suffix: str, values: npt.ArrayLike, kind: type[np.generic] = np.int64) -> str:
        tensor = numpy_helper.from_array(np.asarray(values, kind), f"{name}.{suffix}")
        graph.initializer.append(tensor)
        return str(tensor.name)

    rows, taps = f"{name}.rows", [f"{name}.tap{tap}" for tap in range(_KERNEL)]
    axis, step = constant("axis", [1]), constant("step", [_STRIDE])
    nodes = [helper.make_node("Transpose", [source], [rows], perm=[0, 2, 1])]
    for number, tap in enumerate(taps):
        start = constant(f"start{number}", [number])
        end = constant(f"end{number}", [number - _KERNEL + 1 or _END])
        nodes.append(helper.make_node("Slice", [rows, start, end, axis, step], [tap]))
    weight = constant("weight", matrix.reshape(-1, matrix.shape[2]), np.float32)
    unfolded, product, moved = (f"{name}.{each}" for each in ("unfolded", "product", "moved"))
    added = [product, constant("bias", bias, np.float32)]
    return [
        *nodes,
        helper.make_node("Concat", taps, [unfolded], axis=2),
        helper.make_node("MatMul", [unfolded, weight], [product], name + PRODUCT),
        helper.make_node("Add", added, [moved]),
        helper.make_node("Transpose", [moved], [name], perm=[0, 2, 1]),
    ]


def _replace(graph: onnx.GraphProto, nodes: Iterable[onnx.NodeProto]) -> None:
    """The nodes of the graph, and of its constants those that they use."""
    kept = list(nodes)
    del graph.node[:]
    graph.node.extend(kept)
    named = {name for node in kept for name in node.input}
    constants = [each for each in graph.initializer if each.name in named]
    del graph.initializer[:]
    graph.initializer.extend(constants)
