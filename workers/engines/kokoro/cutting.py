"""The cut graphs on disk: made once, proven equal to the published one, then only loaded.

Their folder in the cache holds the three graphs and `proof.json`. The proof is void, and the
graphs made anew, when a file, onnxruntime or this code has changed.
"""

import hashlib
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from parley import paths
from parley.errors import FetchError
from parley.fetch import locked, staged
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
from workers.engines.tts_engine import EngineError

_log = logging.getLogger(__name__)

_VERSION = 1
_PROOF = "proof.json"
_REFERENCE_TEXT = "One, two, three, four, five."
_LARGEST_ERROR = 1e-3
"""Of full scale: 60 dB below it. The same sums in the same order come out the same."""


def cut_graphs(model: Path) -> Path:
    """The folder with the graphs of `model`, which are cut first where they are not cached.

    Blocks for some ten seconds the first time; processes that ask at once share one cut. Raises
    EngineError.
    """
    try:
        target = paths.cache_dir() / "graphs" / f"{_sha256(model)[:24]}.{_VERSION}"
        if not _is_proven(target):
            with locked(target):
                if not _is_proven(target):
                    _make(model, target)
    except (CutError, FetchError, OSError) as error:
        raise EngineError(f"{model} cannot be used as Kokoro's network: {error}") from error
    return target


def _make(model: Path, target: Path) -> None:
    _log.info("cutting %s, once: it takes some ten seconds", model)
    with staged(target) as staging:
        result = staging / "result"
        result.mkdir()
        cut(model, result)
        _prove(model, result)
        files = {name: _sha256(result / name) for name in (ENCODER, SOURCE, DECODER)}
        proof = {"made_by": _made_by(), "files": files}
        (result / _PROOF).write_text(json.dumps(proof), "utf-8")
        shutil.rmtree(target, ignore_errors=True)
        result.rename(target)


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


def _is_proven(target: Path) -> bool:
    try:
        proof = json.loads((target / _PROOF).read_text("utf-8"))
        return proof["made_by"] == _made_by() and all(
            _sha256(target / name) == expected for name, expected in proof["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _made_by() -> dict[str, Any]:
    return {"version": _VERSION, "onnxruntime": onnxruntime.__version__}


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
