"""Whether a turn sounds finished, by the melody of its last seconds.

The network is Smart Turn v3.2 (BSD-2-Clause, Daily): a Whisper encoder with a classifier, told the
last 8 s of a speaker as Whisper's log-mel features. 30 to 60 ms of CPU a question. Its weights are
the model `smart-turn-v3` of the manifest; nothing else of its package is used.
"""

import asyncio
import functools
import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from parley import models
from parley.errors import ModelError
from parley.settings.worker import TURN_SOUND_MODEL
from workers.engines.asr_engine import SAMPLE_RATE_HZ, FloatSamples

HEARD_S = 8
_HEARD_SAMPLES = HEARD_S * SAMPLE_RATE_HZ
_FRAME_SAMPLES, _HOP_SAMPLES, _BANDS = 400, 160, 80
_DYNAMIC_RANGE = 8.0
"""In decades of power below the loudest: what is quieter counts as that."""

_log = logging.getLogger(__name__)


class TurnSound:
    """The network, loaded once for all speakers; its runs may come from several threads."""

    def __init__(self, folder: Path) -> None:
        """`folder` of the model, as `parley.models.ensure` gives it."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        self._session = onnxruntime.InferenceSession(
            folder / "model.onnx", options, providers=["CPUExecutionProvider"]
        )

    def finished(self, samples: FloatSamples) -> float:
        """The probability that what was said in `samples` (16 kHz, full scale at ±1, up to the
        pause) is a whole turn, by its sound."""
        (probability,) = self._session.run(None, {"input_features": log_mel(samples)[None]})
        return float(np.asarray(probability).reshape(-1)[0])


class TurnSounds:
    """The network of a worker, fetched and loaded once the first speaker's client wants it."""

    def __init__(self) -> None:
        self._loading: asyncio.Task[TurnSound | None] | None = None

    @property
    def loaded(self) -> TurnSound | None:
        """None until it is there, and for good where its weights cannot be had, which is logged
        once: turns are then told from their words alone."""
        task = self._task()
        return task.result() if task.done() else None

    async def load(self) -> TurnSound | None:
        """Waits until it is there, or it is known that it cannot be."""
        return await asyncio.shield(self._task())

    def _task(self) -> asyncio.Task[TurnSound | None]:
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(_load), name="turn-sound")
        return self._loading


def _load() -> TurnSound | None:
    try:
        return TurnSound(models.ensure(TURN_SOUND_MODEL))
    except ModelError as error:
        _log.warning("how finished a turn sounds will not be told: %s", error)
        return None


def log_mel(samples: FloatSamples) -> npt.NDArray[np.float32]:
    """Whisper's features of the last 8 s, silence before what is shorter: float32 [80, 800]."""
    heard = samples[-_HEARD_SAMPLES:].astype(np.float64)
    heard = np.pad(heard, (_HEARD_SAMPLES - len(heard), 0))
    heard = (heard - heard.mean()) / np.sqrt(heard.var() + 1e-7)
    padded = np.pad(heard, _FRAME_SAMPLES // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME_SAMPLES)[:-1:_HOP_SAMPLES]
    window = np.hanning(_FRAME_SAMPLES + 1)[:-1]
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    bands = np.log10(np.maximum(_mel_filters() @ power.T, 1e-10))
    seen = np.maximum(bands, bands.max() - _DYNAMIC_RANGE)
    return np.asarray((seen + 4.0) / 4.0, np.float32)


@functools.cache
def _mel_filters() -> npt.NDArray[np.float64]:
    """Slaney's triangles of equal area, as librosa and Whisper have them: [80, 201]."""
    frequencies = np.linspace(0, SAMPLE_RATE_HZ / 2, _FRAME_SAMPLES // 2 + 1)
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(SAMPLE_RATE_HZ / 2), _BANDS + 2))
    slopes = edges[:, None] - frequencies
    rising = -slopes[:-2] / np.diff(edges)[:-1, None]
    falling = slopes[2:] / np.diff(edges)[1:, None]
    area = 2.0 / (edges[2:] - edges[:-2])
    filters = np.maximum(0.0, np.minimum(rising, falling)) * area[:, None]
    return np.asarray(filters)


_LINEAR_HZ, _LINEAR_MEL = 1000.0, 15.0
_LOG_STEP = np.log(6.4) / 27.0


def _hz_to_mel(hz: float) -> float:
    """Of a frequency of 1 kHz or more."""
    return float(_LINEAR_MEL + np.log(hz / _LINEAR_HZ) / _LOG_STEP)


def _mel_to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    linear = mel * _LINEAR_HZ / _LINEAR_MEL
    return np.where(mel < _LINEAR_MEL, linear, _LINEAR_HZ * np.exp(_LOG_STEP * (mel - _LINEAR_MEL)))
