"""Moonshine's graphs, from the two that are published to the three that are quick on a CPU.

Published are an encoder and a decoder in ONNX Runtime's own format, without constant folding; the
decoder holds both its graphs as branches of an `If`: the first pass over some tokens, and a step
of one token with the cache of those before. Here each becomes a graph of its own, its weights
folded, its matrix products in int8 (int8.py, precision.py), and one convolution made such a product
(convolution.py).
"""

import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnx
import onnxruntime
from onnx import helper

from workers.engines.asr_engine import FloatSamples
from workers.engines.moonshine.convolution import PRODUCT, source, unfold
from workers.engines.moonshine.int8 import quantize
from workers.engines.moonshine.precision import even_channels, even_rows, values_of

ENCODER, FIRST, STEP = "encoder.onnx", "first.onnx", "step.onnx"
ATTENTION = "cross_attention"
"""Outputs of the first pass, one a layer: how each token looked at the sound, by head."""

_SIZES = {"batch_size": 1}
_STEP_SIZES = {"decoder_sequence_length": 1}
"""What is known of a shape beforehand is not computed anew in each run."""

_UNEVEN = (PRODUCT, "/fc2/MatMul")
"""Products of the encoder whose rows differ most: after no normalization by moment."""

_CPU_FACTS = Path("/proc/cpuinfo")


class GraphError(Exception):
    """The published files are not the graphs that this code knows; its text says why."""


def convert(encoder: Path, decoder: Path, folder: Path, sound: FloatSamples) -> None:
    """Writes ENCODER, FIRST and STEP into `folder`; blocks for some five seconds.

    `sound`, somebody speaking, shows how large values become. Raises GraphError.
    """
    scratch = folder / "scratch.onnx"
    first, step = _branches(_read(decoder, scratch))
    _show_cross_attention(first.graph)
    for name, graph in ((ENCODER, _read(encoder, scratch)), (FIRST, first), (STEP, step)):
        onnx.save(graph, scratch)
        _run_optimizer(
            scratch,
            scratch,
            onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
            sizes=_SIZES | (_STEP_SIZES if name == STEP else {}),
        )
        folded = onnx.load(scratch)
        if name == ENCODER:
            _make_even(folded, sound)
        quantize(folded.graph, reduce_range=not adds_in_32_bits())
        onnx.save(folded, folder / name)
    scratch.unlink()


def _make_even(encoder: onnx.ModelProto, sound: FloatSamples) -> None:
    """What int8 asks of a folded encoder."""
    feed = {"input_values": sound[np.newaxis]}
    even_channels(encoder, feed)
    if (unfolded := source(encoder.graph)) is not None:
        values = values_of(encoder, [unfolded], feed)[unfolded]
        unfold(encoder.graph, np.abs(values).max(axis=(0, 2)))
    even_rows(encoder.graph, lambda product: product.endswith(_UNEVEN))


def adds_in_32_bits() -> bool:
    """Whether products of int8 are added up without overflow here: on ARM, and on x86 with VNNI.

    Elsewhere weights of 7 bits avoid it, for somewhat more word errors.
    """
    if platform.machine() not in ("x86_64", "AMD64"):
        return True
    return _CPU_FACTS.is_file() and "vnni" in _CPU_FACTS.read_text("utf-8")


def _read(published: Path, scratch: Path) -> onnx.ModelProto:
    """The graph of a file in ONNX Runtime's format, as it is."""
    disabled = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        _run_optimizer(published, scratch, disabled)
    except Exception as error:  # onnxruntime raises what it likes
        raise GraphError(f"{published} cannot be read: {error}") from error
    model = onnx.load(scratch)
    model.graph.name = model.graph.name or published.stem  # without a name it is not valid
    return model


def _run_optimizer(
    source: Path,
    target: Path,
    level: onnxruntime.GraphOptimizationLevel,
    *,
    sizes: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Loads `source` and writes what onnxruntime makes of it, its dimensions fixed as `sizes`."""
    options = onnxruntime.SessionOptions()
    for dimension, size in sizes.items():
        options.add_free_dimension_override_by_name(dimension, size)
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(target)
    options.add_session_config_entry("session.save_model_format", "ONNX")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(source.read_bytes(), options, providers=["CPUExecutionProvider"])


def _branches(decoder: onnx.ModelProto) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """The graph of the first pass, and that of a step with a cache."""
    choice = next((node for node in decoder.graph.node if node.op_type == "If"), None)
    if choice is None:
        raise GraphError("the decoder has no `If`: it is not a merged one")
    branches = {attribute.name: attribute.g for attribute in choice.attribute}
    first, step = (_branch(decoder, branches[name]) for name in ("else_branch", "then_branch"))
    return first, step


def _branch(decoder: onnx.ModelProto, branch: onnx.GraphProto) -> onnx.ModelProto:
    """The decoder with the nodes of one branch in the place of its `If`."""
    model = onnx.ModelProto()
    model.CopyFrom(decoder)
    graph = model.graph
    shared = [node for node in graph.node if node.op_type != "If"]
    made = {name for node in branch.node for name in node.output}
    outputs = [  # a step's stand-ins for what it does not change are constants
        helper.make_value_info(inner.name, outer.type)
        for outer, inner in zip(graph.output, branch.output, strict=True)
        if inner.name in made
    ]
    _replace(graph.node, [*shared, *branch.node])
    _replace(graph.output, outputs)
    graph.initializer.extend(branch.initializer)
    named = {name for node in graph.node for name in node.input}
    named |= {output.name for output in outputs}
    _replace(graph.input, [each for each in graph.input if each.name in named])
    _replace(graph.initializer, [each for each in graph.initializer if each.name in named])
    return model


def _show_cross_attention(graph: onnx.GraphProto) -> None:
    """Each layer looks at its own tokens, then at the sound: every other softmax is an output."""
    softmaxes = [node for node in graph.node if node.op_type == "Softmax"]
    for layer, softmax in enumerate(softmaxes[1::2]):
        name = f"{ATTENTION}.{layer}"
        graph.node.append(helper.make_node("Identity", [softmax.output[0]], [name], name))
        shape = ["batch_size", "heads", "decoder_sequence_length", "encoder_sequence_length"]
        graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))


def _replace(repeated: object, values: Iterable[object]) -> None:
    """A repeated field of protobuf with other values."""
    kept = list(values)
    del repeated[:]  # type: ignore[attr-defined]
    repeated.extend(kept)  # type: ignore[attr-defined]
