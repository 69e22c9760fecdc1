"""Sizes made even for int8 change nothing in float32, and keep what int8 would lose."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from workers.engines.moonshine.precision import even_channels, even_rows

CHANNELS, MADE = 16, 8
Tensor = npt.NDArray[np.float32]


def constant(name: str, values: npt.ArrayLike) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values, np.float32), name)


def model(*, apart: float = 200, also_used: bool = False) -> onnx.ModelProto:
    """A scale of which two channels stand `apart`, and two products of what it gives."""
    random = np.random.default_rng(0)
    scale = np.ones(CHANNELS)
    scale[:2] = apart
    nodes = [
        helper.make_node("Mul", ["values", "scale"], ["scaled"]),
        helper.make_node("MatMul", ["scaled", "one"], ["left"], "one"),
        helper.make_node("MatMul", ["scaled", "other"], ["right"], "other"),
        helper.make_node("Add", ["left", "scaled" if also_used else "right"], ["made"]),
    ]
    width = CHANNELS if also_used else MADE
    constants = [constant("scale", scale)]
    for name in ("one", "other"):
        matrix = random.normal(size=(CHANNELS, width))
        matrix[:2] /= apart
        constants.append(constant(name, matrix))
    values = helper.make_tensor_value_info("values", onnx.TensorProto.FLOAT, ["n", CHANNELS])
    made = helper.make_tensor_value_info("made", onnx.TensorProto.FLOAT, ["n", width])
    graph = helper.make_graph(nodes, "scaled", [values], [made], constants)
    opset = [helper.make_opsetid("", 14)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


@pytest.fixture
def values() -> Tensor:
    return np.random.default_rng(1).normal(size=(20, CHANNELS)).astype(np.float32)


def run(graph: onnx.ModelProto, values: Tensor) -> Tensor:
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    made: Tensor = session.run(None, {"values": values})[0]
    return made


def off(graph: onnx.ModelProto, expected: Tensor, values: Tensor, file: Path) -> Tensor:
    """How far each row of the graph in int8 is from what is expected."""
    quantize_dynamic(graph, file, per_channel=True, weight_type=QuantType.QInt8)
    difference = run(onnx.load(file), values) - expected
    distances: Tensor = np.linalg.norm(difference, axis=1) / np.linalg.norm(expected, axis=1)
    return distances


def test_channels_made_even_give_the_same_and_lose_less(values: Tensor, tmp_path: Path) -> None:
    even = model()
    assert even_channels(even, {"values": values}) == 1
    expected, file = run(model(), values), tmp_path / "int8.onnx"
    np.testing.assert_allclose(run(even, values), expected, rtol=1e-3, atol=1e-3)
    before = off(model(), expected, values, file).mean()
    assert off(even, expected, values, file).mean() < before / 3


def test_a_scale_that_others_see_stays() -> None:
    seen = model(also_used=True)
    assert even_channels(seen, {"values": np.ones((1, CHANNELS), np.float32)}) == 0


def test_a_loud_moment_takes_nothing_from_the_others(values: Tensor, tmp_path: Path) -> None:
    values[0] *= 1000
    even = model(apart=1)
    assert even_rows(even.graph, lambda name: name in ("one", "other")) == 2
    expected, file = run(model(apart=1), values), tmp_path / "int8.onnx"
    np.testing.assert_allclose(run(even, values), expected, rtol=1e-3, atol=1)
    before = off(model(apart=1), expected, values, file)[1:].mean()
    assert off(even, expected, values, file)[1:].mean() < before / 3


def test_silence_stays_silence() -> None:
    even = model()
    even_rows(even.graph, lambda name: True)
    assert not run(even, np.zeros((3, CHANNELS), np.float32)).any()
