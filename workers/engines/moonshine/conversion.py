"""The converted graphs on disk: made once, proven on a recording, then only loaded.

Their folder in the cache holds the three graphs and `proof.json`. The proof is void, and the
graphs made anew, when a file, onnxruntime, this code or the kind of processor has changed.
"""

import hashlib
import json
import logging
import re
import shutil
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from parley import paths
from parley.audio import read_audio
from parley.errors import AudioFileError, FetchError
from parley.fetch import locked, staged
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

_log = logging.getLogger(__name__)

_VERSION = 3
_PROOF = "proof.json"
_REFERENCE_TEXT = "ever tried ever failed no matter try again fail again fail better"
_LEAST_ALIKE = 0.8
_MOST_TOKENS = 60


def converted(folder: Path) -> Path:
    """The folder with the graphs made of the model in `folder`, which are made first where they
    are not cached.

    Blocks for some ten seconds the first time; processes that ask at once share one conversion.
    Raises EngineError.
    """
    name = f"{_sha256(folder / 'decoder.ort')[:24]}.{_VERSION}"
    target = paths.cache_dir() / "graphs" / name
    try:
        if not _is_proven(target):
            with locked(target):
                if not _is_proven(target):
                    _make(folder, target)
    except (AudioFileError, FetchError, GraphError, OSError) as error:
        raise EngineError(f"the graphs of {folder.name} cannot be made: {error}") from error
    return target


def reference_sound(folder: Path) -> FloatSamples:
    """The recording that comes with the model, 16 kHz."""
    samples = read_audio(folder / "reference.wav").resampled(SAMPLE_RATE_HZ).samples
    return samples.astype(np.float32) / np.float32(32768)


def _make(folder: Path, target: Path) -> None:
    _log.info("converting %s, once: it takes some ten seconds", folder.name)
    with staged(target) as staging:
        result = staging / "result"
        result.mkdir()
        convert(folder / "encoder.ort", folder / "decoder.ort", result, reference_sound(folder))
        _prove(folder, result)
        files = {name: _sha256(result / name) for name in (ENCODER, FIRST, STEP)}
        proof = {"made_by": _made_by(), "files": files}
        (result / _PROOF).write_text(json.dumps(proof), "utf-8")
        shutil.rmtree(target, ignore_errors=True)
        result.rename(target)


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


def _is_proven(target: Path) -> bool:
    try:
        proof = json.loads((target / _PROOF).read_text("utf-8"))
        return proof["made_by"] == _made_by() and all(
            _sha256(target / name) == expected for name, expected in proof["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _made_by() -> dict[str, Any]:
    return {
        "version": _VERSION,
        "onnxruntime": onnxruntime.__version__,
        "adds_in_32_bits": adds_in_32_bits(),
    }


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
