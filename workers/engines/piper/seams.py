"""Cuts a Piper (VITS) graph at its seams: encoder, flow, decoder.

Seams are found by structure, since exporters name tensors differently. All randomness sits in two
RandomNormalLike nodes: one feeds the durations, the last one the latents (means + noise ×
deviations). The first becomes an input of the encoder; the second falls between the stages.
What else crosses a seam (the mask; the speaker's conditioning in voices of many speakers) is
carried along.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx.utils import Extractor

DURATION_NOISE = "duration_noise"
LATENT_NOISE = "latent_noise"
DURATION_NOISE_CHANNELS = 2


class SeamError(Exception):
    """The graph is not built as expected."""


@dataclass(frozen=True)
class Seams:
    """Tensor names. Latents = means + noise × factors[0] × factors[1] …, each rounded in turn."""

    means: str
    factors: tuple[str, ...]
    latents: str
    durations: str
    acoustic: str
    audio: str
    flow_carries: tuple[str, ...]
    decoder_carries: tuple[str, ...]
    hop_samples: int

    @property
    def encoder_outputs(self) -> tuple[str, ...]:
        carried = (*self.flow_carries, *self.decoder_carries)
        return tuple(dict.fromkeys((self.means, *self.factors, self.durations, *carried)))


class _Graph:
    """Who makes and who uses each tensor."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.nodes = list(graph.node)
        self.outputs = [output.name for output in graph.output]
        self.maker = {name: node for node in self.nodes for name in node.output}
        self.users: dict[str, list[onnx.NodeProto]] = {}
        for node in self.nodes:
            for name in node.input:
                self.users.setdefault(name, []).append(node)
        self.varying = self._after([i.name for i in graph.input])

    def of_type(self, kind: str) -> list[onnx.NodeProto]:
        return [node for node in self.nodes if node.op_type == kind]

    def only_user(self, tensor: str) -> onnx.NodeProto:
        users = self.users.get(tensor, [])
        if len(users) != 1:
            raise SeamError(f"{tensor} has {len(users)} users, expected one")
        return users[0]

    def _after(self, tensors: Iterable[str]) -> set[str]:
        """Everything computed from `tensors`; nodes are in topological order."""
        reached = set(tensors)
        for node in self.nodes:
            if reached.intersection(node.input):
                reached.update(node.output)
        return reached

    def between(self, source: str, sink: str) -> Iterator[onnx.NodeProto]:
        """The nodes on any path from `source` to `sink`."""
        after, before = self._after([source]) - {source}, {sink}
        for node in reversed(self.nodes):
            if before.intersection(node.output):
                before.update(node.input)
        for node in self.nodes:
            if any(name in after and name in before for name in node.output):
                yield node

    def carried(self, source: str, sink: str) -> tuple[str, ...]:
        """What the path from `source` to `sink` takes in besides, constants aside."""
        inside = list(self.between(source, sink))
        made = {name for node in inside for name in node.output} | {source}
        taken = (name for node in inside for name in node.input if name in self.varying)
        return tuple(dict.fromkeys(name for name in taken if name not in made))


def find_seams(model: onnx.ModelProto) -> Seams:
    """Raises SeamError where the graph is built otherwise."""
    graph = _Graph(model.graph)
    random = graph.of_type("RandomNormalLike")
    ceilings = graph.of_type("Ceil")
    if len(random) != 2 or len(ceilings) != 1:
        raise SeamError(f"{len(random)} RandomNormalLike and {len(ceilings)} Ceil nodes")
    noise, factors = random[-1].output[0], []
    while (user := graph.only_user(noise)).op_type == "Mul":
        factors.append(next(name for name in user.input if name != noise))
        noise = user.output[0]
    if user.op_type != "Add" or random[-1].input[0] not in user.input:
        raise SeamError(f"the latents' noise meets {user.op_type}, expected means + noise")
    latents, audio = user.output[0], graph.outputs[0]
    upsamplers = [n for n in graph.between(latents, audio) if n.op_type == "ConvTranspose"]
    if not upsamplers:
        raise SeamError("no upsampling decoder")
    acoustic = _decoder_input(graph, upsamplers[0], latents)
    return Seams(
        means=random[-1].input[0],
        factors=tuple(factors),
        latents=latents,
        durations=ceilings[0].output[0],
        acoustic=acoustic,
        audio=audio,
        flow_carries=graph.carried(latents, acoustic),
        decoder_carries=graph.carried(acoustic, audio),
        hop_samples=_product(_stride(node) for node in upsamplers),
    )


def _decoder_input(graph: _Graph, upsampler: onnx.NodeProto, latents: str) -> str:
    """What the convolution before the first upsampling takes: the end of the flow."""
    path = {name for node in graph.between(latents, upsampler.input[0]) for name in node.output}
    node = graph.maker[upsampler.input[0]]
    while node.op_type != "Conv":
        node = graph.maker[next(name for name in node.input if name in path)]
    return str(node.input[0])


def _stride(node: onnx.NodeProto) -> int:
    return next(int(a.ints[0]) for a in node.attribute if a.name == "strides")


def _product(numbers: Iterable[int]) -> int:
    product = 1
    for number in numbers:
        product *= number
    return product


def cut(model: onnx.ModelProto, seams: Seams, folder: Path) -> None:
    """Writes encoder.onnx, flow.onnx and decoder.onnx. Changes `model` as `feed_noise` does."""
    inputs = [i.name for i in model.graph.input]
    feed_noise(model)
    extractor = Extractor(onnx.shape_inference.infer_shapes(model))
    stages = {
        "encoder": ([*inputs, DURATION_NOISE], seams.encoder_outputs),
        "flow": ([seams.latents, *seams.flow_carries], [seams.acoustic]),
        "decoder": ([seams.acoustic, *seams.decoder_carries], [seams.audio]),
    }
    for name, (takes, gives) in stages.items():
        onnx.save(extractor.extract_model(list(takes), list(gives)), folder / f"{name}.onnx")


def feed_noise(model: onnx.ModelProto) -> None:
    """Turns both random nodes into inputs: noise of [1, 2, phonemes] and [1, channels, frames]."""
    random = [node for node in model.graph.node if node.op_type == "RandomNormalLike"]
    for node, name in zip(random, (DURATION_NOISE, LATENT_NOISE), strict=True):
        for user in model.graph.node:
            for index, tensor in enumerate(user.input):
                if tensor == node.output[0]:
                    user.input[index] = name
        channels = DURATION_NOISE_CHANNELS if name == DURATION_NOISE else None
        model.graph.input.append(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, channels, None])
        )
        model.graph.node.remove(node)
