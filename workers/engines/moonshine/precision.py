"""What makes 8 bits enough: what goes into a product brought to like sizes, by channel and moment.

onnxruntime rounds all that goes into a product by one scale, that of the largest value: a loud
moment, or a channel that its normalization makes large, leaves the others few steps. What is
divided out before a product is multiplied back by its weights (SmoothQuant, arXiv:2211.10438), or
after it. Without this the encoder is three times as far from the one in float32, and a word in a
hundred more is heard wrongly.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import helper, numpy_helper

Weights = npt.NDArray[np.float32]

_SHARE = 0.6
"""How much of what sets channels apart goes into the weights."""
_LEAST = 1e-5


def values_of(
    model: onnx.ModelProto, names: Sequence[str], feed: Mapping[str, Any]
) -> dict[str, Weights]:
    """What these tensors of the graph are for `feed`."""
    if not names:
        return {}
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    for name in names:
        output = helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        probe.graph.output.append(output)
    session = onnxruntime.InferenceSession(
        probe.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return dict(zip(names, session.run(None, feed), strict=True))


def apart(largest: Weights, weights: Weights) -> Weights:
    """By what to divide channels whose values and weights are as large as that."""
    sizes = (largest + _LEAST) ** _SHARE / (weights + _LEAST) ** (1 - _SHARE)
    even: Weights = (sizes / np.exp(np.log(sizes).mean())).astype(np.float32)
    return even


def even_channels(model: onnx.ModelProto, feed: Mapping[str, Any]) -> int:
    """Moves the scales of normalizations into the weights of the products after them, as far as
    `feed` shows channels to be apart; gives how many normalizations it were."""
    constants = {each.name: each for each in model.graph.initializer}
    found = dict(_normalizations(model.graph, constants))
    values = values_of(model, list(found), feed)
    for name, (scale, products) in found.items():
        largest = np.abs(values[name]).reshape(-1, values[name].shape[-1]).max(axis=0)
        matrices = [numpy_helper.to_array(constants[each]) for each in products]
        sizes = apart(largest, np.max([np.abs(each).max(axis=1) for each in matrices], axis=0))
        set_constant(constants[scale], numpy_helper.to_array(constants[scale]) / sizes)
        for product, matrix in zip(products, matrices, strict=True):
            set_constant(constants[product], matrix * sizes[:, np.newaxis])
    return len(found)


def _normalizations(
    graph: onnx.GraphProto, constants: Mapping[str, onnx.TensorProto]
) -> Iterable[tuple[str, tuple[str, list[str]]]]:
    """Each scaled tensor after which only products come: its scale and their weights."""
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    for node in graph.node:
        scale = constants.get(node.input[1]) if node.op_type == "Mul" else None
        if scale is None or len(scale.dims) != 1 or len(users[scale.name]) != 1:
            continue
        made = node.output[0]
        products = [each for each in users.get(made, []) if each.op_type != "Shape"]
        if products and all(
            each.op_type == "MatMul" and each.input[0] == made and each.input[1] in constants
            for each in products
        ):
            yield made, (scale.name, [each.input[1] for each in products])


def set_constant(tensor: onnx.TensorProto, values: npt.NDArray[np.floating[Any]]) -> None:
    tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float32), tensor.name))


def even_rows(graph: onnx.GraphProto, is_meant: Callable[[str], bool]) -> int:
    """Has the products whose names are meant work on rows whose largest value is 1, and multiplies
    what comes out; gives how many it were."""
    least = numpy_helper.from_array(np.array(_LEAST, np.float32), "rows.least")
    graph.initializer.append(least)
    nodes: list[onnx.NodeProto] = []
    evened = 0
    for node in graph.node:
        if node.op_type != "MatMul" or not is_meant(node.name):
            nodes.append(node)
            continue
        own = f"{node.name}.rows"
        sizes, largest, size, even, made = (
            f"{own}.{each}" for each in ("sizes", "largest", "size", "even", "made")
        )
        nodes += [
            helper.make_node("Abs", [node.input[0]], [sizes]),
            helper.make_node("ReduceMax", [sizes], [largest], axes=[-1], keepdims=1),
            helper.make_node("Max", [largest, least.name], [size]),
            helper.make_node("Div", [node.input[0], size], [even]),
            helper.make_node("MatMul", [even, node.input[1]], [made], node.name),
            helper.make_node("Mul", [made, size], [node.output[0]]),
        ]
        evened += 1
    del graph.node[:]
    graph.node.extend(nodes)
    return evened
