"""The stages of a voice on disk: cut once, proven equal to the full graph, then only loaded.

A voice's folder in the cache holds the three graphs and `proof.json`. The proof is void, and the
cut made anew, when a file, onnxruntime or this code has changed.
"""

import dataclasses
import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from parley import paths
from parley.fetch import locked, staged
from workers.engines.loudness import Loudness
from workers.engines.onnx_session import open_session
from workers.engines.piper.phonemes import Phonemizer, Sentence
from workers.engines.piper.seams import (
    DURATION_NOISE,
    LATENT_NOISE,
    SeamError,
    Seams,
    cut,
    find_seams,
)
from workers.engines.piper.stages import (
    ChunkedDecoding,
    Margins,
    Noise,
    Stages,
    run_with,
)
from workers.engines.proven_graphs import file_sha256
from workers.engines.tts_engine import EngineError, FloatSamples

_log = logging.getLogger(__name__)

CUT_VERSION = 1
LOWEST_SNR_DB = 60.0

_MARGINS = (Margins(24, 10), Margins(32, 12), Margins(32, 16), Margins(48, 24))
"""Tried in turn: the first is enough for medium voices, larger decoders see further."""

_REFERENCE_TEXT = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12. 1984, 2750."
"""Read aloud in every language, to prove the cut and to measure the voice's level."""

_REFERENCE_CHUNK_FRAMES = 24
_STAGE_FILES = ("encoder.onnx", "flow.onnx", "decoder.onnx")


@dataclass(frozen=True)
class Proof:
    """What was found when a voice was cut. `failure` says why it is not to be used in stages."""

    versions: dict[str, str]
    files: dict[str, str]
    failure: str = ""
    seams: Seams | None = None
    margins: Margins | None = None
    snr_db: float = 0.0
    gain_db: float = 0.0

    @classmethod
    def read(cls, file: Path) -> "Proof | None":
        try:
            content = json.loads(file.read_text("utf-8"))
            if content["seams"]:
                seams = content["seams"]
                for name in ("factors", "flow_carries", "decoder_carries"):
                    seams[name] = tuple(seams[name])
                content["seams"] = Seams(**seams)
                content["margins"] = Margins(**content["margins"])
            return cls(**content)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def holds(self, folder: Path) -> bool:
        """Whether it was made by this code with this onnxruntime, of the files in `folder`."""
        try:
            return self.versions == _versions() and all(
                file_sha256(folder / name) == expected for name, expected in self.files.items()
            )
        except OSError:
            return False


@dataclass(frozen=True)
class CutVoice:
    """A voice's stages and what is known of them."""

    folder: Path
    seams: Seams
    margins: Margins
    loudness: Loudness


def cut_voice(model: Path, phonemizer: Phonemizer) -> CutVoice | str:
    """The proven stages of `model`, cut first where they are not cached; or why there are none.

    Blocks for some seconds the first time; processes that ask at once share one cut. Raises
    FetchError where the cache cannot be written.
    """
    folder = paths.cache_dir() / "stages" / file_sha256(model)[:24]
    proof = _proof_of(folder)
    if proof is None:
        with locked(folder):
            proof = _proof_of(folder) or _make(model, phonemizer, folder)
    if proof.seams is None or proof.margins is None:
        return proof.failure
    return CutVoice(folder, proof.seams, proof.margins, Loudness(proof.gain_db))


def _proof_of(folder: Path) -> Proof | None:
    proof = Proof.read(folder / "proof.json")
    return proof if proof is not None and proof.holds(folder) else None


def _make(model: Path, phonemizer: Phonemizer, folder: Path) -> Proof:
    _log.info("cutting %s into stages", model)
    with staged(folder) as staging:
        result = staging / "result"
        result.mkdir()
        try:
            proof = _cut_and_prove(model, phonemizer, result)
        except SeamError as error:
            proof = Proof(_versions(), {}, failure=f"its graph cannot be cut: {error}")
        (result / "proof.json").write_text(json.dumps(dataclasses.asdict(proof)), "utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        result.rename(folder)
    return proof


def _cut_and_prove(model: Path, phonemizer: Phonemizer, folder: Path) -> Proof:
    graph = _load_graph(model)
    seams = find_seams(graph)
    cut(graph, seams, folder)
    stages = Stages(folder, seams, threads=1)
    full = open_session(graph.SerializeToString(), threads=1)
    sentences = phonemizer.sentences(_REFERENCE_TEXT)
    if not sentences:
        raise SeamError(f"the voice has no sound for {_REFERENCE_TEXT!r}")
    snr_db, margins = -np.inf, _MARGINS[0]
    for margins in _MARGINS:
        found = [compare(stages, full, sentence, phonemizer, margins) for sentence in sentences]
        snr_db = min(snr for snr, _ in found)
        if snr_db >= LOWEST_SNR_DB:
            break
    else:
        raise SeamError(f"in chunks it sounds different: SNR {snr_db:.0f} dB")
    reference = np.concatenate([audio for _, audio in found])
    loudness = Loudness.measured(reference, phonemizer.config.sample_rate)
    files = {name: file_sha256(folder / name) for name in _STAGE_FILES}
    return Proof(_versions(), files, "", seams, margins, round(snr_db, 1), loudness.gain_db)


def compare(
    stages: Stages,
    full: onnxruntime.InferenceSession,
    sentence: Sentence,
    phonemizer: Phonemizer,
    margins: Margins,
) -> tuple[float, FloatSamples]:
    """SNR in dB of the chunked stages against the full graph on the same noise, and its sound.

    `full` is the graph after `feed_noise`.
    """
    prosody, noise = phonemizer.prosody(speed=1.0), Noise((0, 0, 0))
    encoded = stages.encode(sentence.ids, prosody=prosody, noise=noise)
    bounds = (*range(0, encoded.frames, _REFERENCE_CHUNK_FRAMES), encoded.frames)
    decoding = ChunkedDecoding(stages, encoded, bounds, margins=margins)
    chunked = np.concatenate([decoding.chunk(index) for index in range(len(bounds) - 1)])
    feed = prosody.graph_inputs(sentence.ids)
    feed[DURATION_NOISE] = noise.for_durations(len(sentence.ids))
    feed[LATENT_NOISE] = noise.for_latents(encoded.frames, encoded.latents.shape[1])
    audio = run_with(full, [stages.seams.audio], feed)[0].reshape(-1)
    if len(audio) != len(chunked):
        raise SeamError(f"in stages it has {len(chunked)} samples, in one {len(audio)}")
    return snr_db(audio, chunked), audio


def snr_db(reference: FloatSamples, samples: FloatSamples) -> float:
    """Power of `reference` over that of the difference, in dB; capped at 200."""
    signal = float(np.sum(np.square(reference, dtype=np.float64)))
    noise = float(np.sum(np.square(reference.astype(np.float64) - samples)))
    return float(10 * np.log10(signal / max(noise, signal * 1e-20)))


def _load_graph(model: Path) -> onnx.ModelProto:
    try:
        return onnx.load(model)
    except Exception as error:  # protobuf and onnx raise what they like
        raise EngineError(f"{model} is not an ONNX model: {error}") from None


def _versions() -> dict[str, str]:
    return {"cut": str(CUT_VERSION), "onnxruntime": onnxruntime.__version__}
