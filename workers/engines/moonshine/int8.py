"""Products in int8 as onnxruntime fuses them, the same that its `quantize_dynamic` makes.

That one goes through each column of each weight in Python, which takes most of a conversion:
200,000 of them. Here a weight is rounded at once.
"""

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

_HIGHEST, _HIGHEST_REDUCED = 127, 64
_STEPS = 255


def quantize(graph: onnx.GraphProto, *, reduce_range: bool) -> None:
    """Products with a constant matrix, a scale for each of its columns, and what is gathered from
    one, a scale for all. `reduce_range`: weights of 7 bits."""
    highest = _HIGHEST_REDUCED if reduce_range else _HIGHEST
    _make_products(graph)
    constants = {each.name: each for each in graph.initializer}
    rounded: dict[str, onnx.NodeProto] = {}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type == "MatMul" and _is_matrix(constants.get(node.input[1])):
            source = node.input[0]
            if source not in rounded:
                names = [f"{source}.{each}" for each in ("int8", "scale", "zero")]
                rounded[source] = helper.make_node("DynamicQuantizeLinear", [source], names)
                nodes.append(rounded[source])
            weight = _weight(graph, constants[node.input[1]], highest)
            nodes += _product(node, list(rounded[source].output), weight)
        elif node.op_type == "Gather" and _is_matrix(constants.get(node.input[0])):
            values, scale, zero = _table(graph, constants[node.input[0]])
            gathered = f"{node.output[0]}.looked_up"
            nodes += [
                helper.make_node("Gather", [values, node.input[1]], [gathered], node.name),
                helper.make_node("DequantizeLinear", [gathered, scale, zero], [node.output[0]]),
            ]
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input} | {each.name for each in graph.output}
    kept = [each for each in graph.initializer if each.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _is_matrix(tensor: onnx.TensorProto | None) -> bool:
    return tensor is not None and (
        len(tensor.dims) == 2 and tensor.data_type == onnx.TensorProto.FLOAT
    )


def _product(
    node: onnx.NodeProto, sound: list[str], weight: tuple[str, str, str]
) -> list[onnx.NodeProto]:
    (values, scale, zero), (matrix, matrix_scale, matrix_zero) = sound, weight
    total, cast, scales = (f"{node.output[0]}.{each}" for each in ("int32", "float", "scales"))
    return [
        helper.make_node("MatMulInteger", [values, matrix, zero, matrix_zero], [total], node.name),
        helper.make_node("Cast", [total], [cast], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", [scale, matrix_scale], [scales]),
        helper.make_node("Mul", [cast, scales], [node.output[0]]),
    ]


def _make_products(graph: onnx.GraphProto) -> None:
    """Writes each product with a sum (Gemm), which onnxruntime made of two nodes, as two again."""
    constants = {each.name: each for each in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        options = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        plain = all(options.get(name, 1.0) == 1.0 for name in ("alpha", "beta"))
        if node.op_type != "Gemm" or not plain or options.get("transA"):
            nodes.append(node)
            continue
        source, matrix, added = node.input
        if options.get("transB"):
            turned = numpy_helper.to_array(constants[matrix]).T
            matrix = f"{matrix}.turned"
            graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(turned), matrix))
        product = f"{node.output[0]}.product"
        nodes.append(helper.make_node("MatMul", [source, matrix], [product], node.name))
        nodes.append(helper.make_node("Add", [product, added], [node.output[0]]))
    del graph.node[:]
    graph.node.extend(nodes)


def _weight(graph: onnx.GraphProto, tensor: onnx.TensorProto, highest: int) -> tuple[str, str, str]:
    """Names of the weight in int8, of its scales and its zeros."""
    values = numpy_helper.to_array(tensor)
    scale = np.asarray(np.abs(values).max(axis=0) / np.float32(highest), np.float32)
    scale = np.where(scale > 0, scale, np.float32(1))
    whole = np.clip(np.rint(values / scale), -highest, highest).astype(np.int8)
    return _added(graph, f"{tensor.name}.columns", whole, scale, np.zeros(scale.shape, np.int8))


def _table(graph: onnx.GraphProto, tensor: onnx.TensorProto) -> tuple[str, str, str]:
    """The same of what is only looked up: in all of 8 bits, whatever its range."""
    values = numpy_helper.to_array(tensor)
    lowest, highest = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    scale = np.float32((highest - lowest) / _STEPS)
    zero = np.rint(np.float32(-lowest) / scale)
    whole = np.clip(np.rint(values / scale) + zero, 0, _STEPS).astype(np.uint8)
    return _added(graph, f"{tensor.name}.table", whole, np.array(scale), np.array(zero, np.uint8))


def _added(
    graph: onnx.GraphProto, name: str, *arrays: npt.NDArray[np.generic]
) -> tuple[str, str, str]:
    """The three as constants, which are added where they are not there yet."""
    values, scale, zero = (f"{name}.{each}" for each in ("int8", "scale", "zero"))
    if not any(each.name == values for each in graph.initializer):
        for constant, array in zip((values, scale, zero), arrays, strict=True):
            graph.initializer.append(numpy_helper.from_array(array, constant))
    return values, scale, zero
