"""The model's published graphs converted, and proven on a recording."""

import logging
import re
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np

from parley.audio import read_audio
from parley.errors import AudioFileError, FetchError
from workers.engines.asr_engine import SAMPLE_RATE_HZ, EngineError, FloatSamples
from workers.engines.moonshine.graphs import (
    ENCODER,
    FIRST,
    STEP,
    GraphError,
    adds_in_32_bits,
    convert,
)
from workers.engines.moonshine.network import Network
from workers.engines.moonshine.vocabulary import END, Vocabulary
from workers.engines.proven_graphs import proven_graphs

_log = logging.getLogger(__name__)

_VERSION = 3
_REFERENCE_TEXT = "ever tried ever failed no matter try again fail again fail better"
_LEAST_ALIKE = 0.8
_MOST_TOKENS = 60


def converted(folder: Path) -> Path:
    """The folder with the graphs made of the model in `folder`, which are made first where they
    are not cached.

    Blocks for some ten seconds the first time; processes that ask at once share one conversion.
    Raises EngineError.
    """
    encoder, decoder = folder / "encoder.ort", folder / "decoder.ort"

    def make(result: Path) -> None:
        _log.info("converting %s, once: it takes some ten seconds", folder.name)
        convert(encoder, decoder, result, reference_sound(folder))
        _prove(folder, result)

    try:
        return proven_graphs(
            decoder,
            (ENCODER, FIRST, STEP),
            make,
            version=_VERSION,
            adds_in_32_bits=adds_in_32_bits(),  # the kind of processor
        )
    except (AudioFileError, FetchError, GraphError, OSError) as error:
        raise EngineError(f"the graphs of {folder.name} cannot be made: {error}") from error


def reference_sound(folder: Path) -> FloatSamples:
    """The recording that comes with the model, 16 kHz."""
    samples = read_audio(folder / "reference.wav").resampled(SAMPLE_RATE_HZ).samples
    return samples.astype(np.float32) / np.float32(32768)


def _prove(folder: Path, graphs: Path) -> None:
    """Raises GraphError where the graphs do not hear what is said in the recording."""
    network = Network.load(graphs, threads=1)
    heard: list[int] = []
    for token, _ in network.tokens(network.encode(reference_sound(folder))):
        if token == END or len(heard) == _MOST_TOKENS:
            break
        heard.append(token)
    text = Vocabulary(folder / "tokenizer.bin").text(heard)
    words = re.findall(r"[a-z]+", text.lower())
    if SequenceMatcher(None, words, _REFERENCE_TEXT.split()).ratio() < _LEAST_ALIKE:
        raise GraphError(f"of {_REFERENCE_TEXT!r} they make {text!r}")
