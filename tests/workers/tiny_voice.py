"""A Piper voice of a few kilobytes with random weights, built as the real exporters build them."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

CHANNELS, SPEAKER_CHANNELS, HOP_SAMPLES, SAMPLE_RATE_HZ = 6, 4, 64, 16000


class _Builder:
    def __init__(self) -> None:
        self.random = np.random.default_rng(1)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str, **attributes: object) -> str:
        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def value(self, array: object, dtype: type = np.float32) -> str:
        self.weights.append(numpy_helper.from_array(np.array(array, dtype)))
        self.weights[-1].name = f"weight_{len(self.weights)}"
        return self.weights[-1].name

    def weight(self, *shape: int, scale: float = 0.4) -> str:
        return self.value(self.random.standard_normal(shape) * scale)

    def conv(self, tensor: str, takes: int, gives: int, width: int) -> str:
        weight = self.weight(gives, takes, width)
        return self.add("Conv", tensor, weight, pads=[width // 2, width // 2])

    def upsample(self, tensor: str, takes: int, gives: int, stride: int) -> str:
        weight, pad = self.weight(takes, gives, 2 * stride), stride // 2
        return self.add("ConvTranspose", tensor, weight, strides=[stride], pads=[pad, pad])

    def scale(self, index: int) -> str:
        return self.add("Gather", "scales", self.value(index, np.int64))

    def noise(self, like: str) -> str:
        return self.add("RandomNormalLike", like)


def write_tiny_voice(
    folder: Path, *, speakers: int = 1, random_durations: bool = True, looks_far: bool = False
) -> None:
    """Writes `model.onnx` and `config.json`.

    Without random durations it cannot be cut; a decoder that looks far cannot be chunked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(_model(speakers, random_durations, looks_far), folder / "model.onnx")
    config = {
        "num_symbols": 256,
        "num_speakers": speakers,
        "audio": {"sample_rate": SAMPLE_RATE_HZ},
        "espeak": {"voice": "en-us"},
        "phoneme_type": "espeak",
        "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
    }
    (folder / "config.json").write_text(json.dumps(config), "utf-8")


def _model(speakers: int, random_durations: bool, looks_far: bool) -> onnx.ModelProto:
    b = _Builder()
    embedded = b.add("Gather", b.weight(256, 8, scale=1.0), "input")
    phonemes = b.add("Transpose", embedded, perm=[0, 2, 1])
    speaker = None
    if speakers > 1:
        row = b.add("Gather", b.weight(speakers, SPEAKER_CHANNELS, scale=1.0), "sid")
        speaker = b.add("Unsqueeze", row, b.value([2], np.int64))
    durations = _durations(b, phonemes, random_durations)
    path, mask = _alignment(b, durations)
    means, spread = (
        b.add("Transpose", b.add("MatMul", path, flat), perm=[0, 2, 1])
        for flat in (
            b.add("Transpose", b.conv(phonemes, 8, CHANNELS, 1), perm=[0, 2, 1]) for _ in "ms"
        )
    )
    noise = b.add("Mul", b.noise(means), b.add("Exp", spread))
    latents = b.add("Add", means, b.add("Mul", noise, b.scale(0)))
    flowed = b.add("Mul", b.conv(latents, CHANNELS, CHANNELS, 5), mask)
    if speaker:
        flowed = b.add("Add", flowed, b.conv(speaker, SPEAKER_CHANNELS, CHANNELS, 1))
    acoustic = b.add("Mul", b.add("Tanh", flowed), mask)
    sound = b.conv(acoustic, CHANNELS, 8, 3)
    if looks_far:
        sound = b.add("Add", sound, b.add("CumSum", sound, b.value(2, np.int64)))
    if speaker:
        sound = b.add("Add", sound, b.conv(speaker, SPEAKER_CHANNELS, 8, 1))
    for stride in (8, 8):
        sound = b.upsample(b.add("LeakyRelu", sound), 8, 8, stride)
    audio = b.add("Tanh", b.conv(sound, 8, 1, 7))
    b.nodes[-1].output[0] = "output"
    del audio
    return _as_model(b, with_speaker=speakers > 1)


def _durations(b: _Builder, phonemes: str, random_durations: bool) -> str:
    two = b.conv(phonemes, 8, 2, 1)
    if random_durations:
        two = b.add("Add", two, b.add("Mul", b.noise(two), b.scale(2)))
    both = b.add("ReduceSum", two, b.value([1], np.int64))
    longer = b.add("Mul", b.add("Exp", b.add("Tanh", both)), b.value(2.0))
    return b.add("Ceil", b.add("Mul", longer, b.scale(1)))


def _alignment(b: _Builder, durations: str) -> tuple[str, str]:
    """Path of [1, frames, phonemes], one 1 in each row, and a mask of ones [1, 1, frames]."""
    ends = b.add("CumSum", durations, b.value(2, np.int64))
    starts = b.add("Sub", ends, durations)
    total = b.add("Cast", b.add("ReduceSum", durations, keepdims=0), to=TensorProto.INT64)
    frames = b.add("Range", b.value(0, np.int64), total, b.value(1, np.int64))
    at = b.add("Unsqueeze", b.add("Cast", frames, to=TensorProto.FLOAT), b.value([0, 2], np.int64))
    inside = b.add("And", b.add("Less", at, ends), b.add("GreaterOrEqual", at, starts))
    path = b.add("Cast", inside, to=TensorProto.FLOAT)
    ones = b.add("ReduceMax", path, axes=[2], keepdims=0)
    return path, b.add("Unsqueeze", ones, b.value([1], np.int64))


def _as_model(b: _Builder, *, with_speaker: bool) -> onnx.ModelProto:
    inputs = {
        "input": (TensorProto.INT64, [1, None]),
        "input_lengths": (TensorProto.INT64, [1]),
        "scales": (TensorProto.FLOAT, [3]),
    }
    if with_speaker:
        inputs["sid"] = (TensorProto.INT64, [1])
    graph = helper.make_graph(
        b.nodes,
        "tiny",
        [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, None])],
        b.weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
