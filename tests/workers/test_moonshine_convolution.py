"""A strided convolution written as a product gives what it gave."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from workers.engines.moonshine.convolution import source, unfold

CHANNELS, MADE = 5, 4


def encoder(*, kernel: int = 7) -> onnx.ModelProto:
    """Scale, shift, and a convolution with stride 3, as in Moonshine's encoder."""
    random = np.random.default_rng(0)

    def constant(name: str, *shape: int) -> onnx.TensorProto:
        return numpy_helper.from_array(random.normal(size=shape).astype(np.float32), name)

    nodes = [
        helper.make_node("Mul", ["sound", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["shifted"]),
        helper.make_node("Conv", ["shifted", "kernel", "bias"], ["made"], strides=[3]),
    ]
    constants = [
        constant("scale", CHANNELS, 1),
        constant("shift", CHANNELS, 1),
        constant("kernel", MADE, CHANNELS, kernel),
        constant("bias", MADE),
    ]
    sound = helper.make_tensor_value_info("sound", onnx.TensorProto.FLOAT, [1, CHANNELS, "n"])
    made = helper.make_tensor_value_info("made", onnx.TensorProto.FLOAT, [1, MADE, "m"])
    graph = helper.make_graph(nodes, "encoder", [sound], [made], constants)
    opset = [helper.make_opsetid("", 14)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


def run(model: onnx.ModelProto, frames: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    sound = np.random.default_rng(1).normal(size=(1, CHANNELS, frames)).astype(np.float32)
    made: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = session.run(None, {"sound": sound})[0]
    return made


@pytest.mark.parametrize("frames", [7, 8, 9, 10, 50])
@pytest.mark.parametrize("largest", [None, np.array([9, 0.1, 1, 50, 0], np.float32)])
def test_a_convolution_and_its_product_give_the_same(
    frames: int, largest: np.ndarray[tuple[int], np.dtype[np.float32]] | None
) -> None:
    model = encoder()
    expected = run(model, frames)
    assert source(model.graph) == "shifted"
    assert unfold(model.graph, largest)
    assert "Conv" not in {node.op_type for node in model.graph.node}
    np.testing.assert_allclose(run(model, frames), expected, rtol=1e-4, atol=1e-5)


def test_a_convolution_of_another_shape_is_left_alone() -> None:
    model = encoder(kernel=3)
    assert source(model.graph) is None
    assert not unfold(model.graph)
    assert "Conv" in {node.op_type for node in model.graph.node}
