"""The network's published graph cut in three, and proven equal to it."""

import logging
from pathlib import Path

import numpy as np

from parley.errors import FetchError
from workers.engines.kokoro.network import (
    DECODER,
    ENCODER,
    SOURCE,
    CutError,
    KokoroNetwork,
    cut,
    graph_inputs,
    whole_graph,
)
from workers.engines.kokoro.phonemes import phonemizer
from workers.engines.kokoro.styles import SPEAKERS, read_styles
from workers.engines.proven_graphs import proven_graphs
from workers.engines.tts_engine import EngineError

_log = logging.getLogger(__name__)

_VERSION = 1
_REFERENCE_TEXT = "One, two, three, four, five."
_LARGEST_ERROR = 1e-3
"""Of full scale: 60 dB below it. The same sums in the same order come out the same."""


def cut_graphs(model: Path) -> Path:
    """The folder with the graphs of `model`, which are cut first where they are not cached.

    Blocks for some ten seconds the first time; processes that ask at once share one cut. Raises
    EngineError.
    """

    def make(folder: Path) -> None:
        _log.info("cutting %s, once: it takes some ten seconds", model)
        cut(model, folder)
        _prove(model, folder)

    try:
        return proven_graphs(model, (ENCODER, SOURCE, DECODER), make, version=_VERSION)
    except (CutError, FetchError, OSError) as error:
        raise EngineError(f"{model} cannot be used as Kokoro's network: {error}") from error


def _prove(model: Path, folder: Path) -> None:
    """Raises CutError where the parts together do not sound as the whole does."""
    styles = read_styles(next(iter(SPEAKERS.values())))
    (sentence,) = phonemizer(british=False).sentences(_REFERENCE_TEXT)
    style = styles[len(sentence.ids) - 3]
    whole = whole_graph(model)(graph_inputs(sentence.ids, style=style, speed=1.0))
    network = KokoroNetwork(folder, threads=1)
    encoded = network.encode(sentence.ids, style=style, speed=1.0)
    parts = network.decode(encoded, 0, encoded.frames)
    if len(parts) != len(whole):
        raise CutError(f"in parts it has {len(parts)} samples, in one {len(whole)}")
    if (error := float(np.abs(parts - whole).max())) > _LARGEST_ERROR:
        raise CutError(f"in parts it sounds different, by {error:.4f} of full scale")
