"""Weights rounded at once come out as onnxruntime's own quantization makes them."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from workers.engines.moonshine.int8 import quantize

WORDS, WIDTH = 50, 16


def graph() -> onnx.ModelProto:
    """Looks words up, multiplies them twice by one matrix and once by a turned one, with a sum."""
    random = np.random.default_rng(0)

    def constant(name: str, *shape: int) -> onnx.TensorProto:
        return numpy_helper.from_array(random.normal(size=shape).astype(np.float32), name)

    nodes = [
        helper.make_node("Gather", ["table", "words"], ["found"], "lookup"),
        helper.make_node("MatMul", ["found", "matrix"], ["once"], "first"),
        helper.make_node("MatMul", ["once", "matrix"], ["twice"], "second"),
        helper.make_node("Gemm", ["twice", "turned", "sum"], ["made"], "third", transB=1),
    ]
    constants = [
        constant("table", WORDS, WIDTH),
        constant("matrix", WIDTH, WIDTH),
        constant("turned", 4, WIDTH),
        constant("sum", 4),
    ]
    words = helper.make_tensor_value_info("words", onnx.TensorProto.INT64, ["n"])
    made = helper.make_tensor_value_info("made", onnx.TensorProto.FLOAT, ["n", 4])
    opset = [helper.make_opsetid("", 14)]
    held = helper.make_graph(nodes, "words", [words], [made], constants)
    return helper.make_model(held, opset_imports=opset, ir_version=8)


@pytest.mark.parametrize("reduce_range", [False, True])
def test_what_is_made_is_what_onnxruntime_makes(tmp_path: Path, reduce_range: bool) -> None:
    expected = tmp_path / "expected.onnx"
    quantize_dynamic(
        graph(),
        expected,
        op_types_to_quantize=["MatMul", "Gather"],
        per_channel=True,
        reduce_range=reduce_range,
        weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True},
    )
    ours = graph()
    quantize(ours.graph, reduce_range=reduce_range)
    kinds = {node.op_type for node in ours.graph.node}
    assert not kinds & {"MatMul", "Gemm"}
    assert {each.data_type for each in ours.graph.initializer if len(each.dims) == 2} == {
        onnx.TensorProto.INT8,
        onnx.TensorProto.UINT8,
    }
    words = {"words": np.arange(WORDS)}
    made, theirs = (
        onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        ).run(None, words)[0]
        for model in (ours, onnx.load(expected))
    )
    np.testing.assert_allclose(made, theirs, rtol=1e-4, atol=1e-4)
