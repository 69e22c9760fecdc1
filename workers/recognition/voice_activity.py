"""Voice activity: the silero network (MIT) over a stream of sound, whatever engine decodes it.

It knows the end of a word in 50 to 110 ms, in noise too, and tells barking, horns and engines
from voices, which recognizers do not: 0.2 ms of CPU for a window of 32 ms. Its file comes in the
wheel of faster-whisper, of which nothing else is used or imported here.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime

from parley.errors import ConfigurationError
from workers.engines.asr_engine import FloatSamples

WINDOW_SAMPLES = 512
_CONTEXT_SAMPLES = 64
_STATE_SHAPE = (1, 1, 128)


class VoiceDetector:
    """The network, loaded once for all speakers; its runs may come from several threads."""

    def __init__(self) -> None:
        """Raises ConfigurationError where the network's file is not installed."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        self._session = onnxruntime.InferenceSession(
            _network(),
            options,
            providers=["CPUExecutionProvider"],
        )

    def run(
        self, windows: FloatSamples, hidden: FloatSamples, cell: FloatSamples
    ) -> tuple[FloatSamples, FloatSamples, FloatSamples]:
        """`windows` of shape [n, 64 + 512]; gives n probabilities and the state after them."""
        probabilities, hidden, cell = self._session.run(
            None, {"input": windows, "h": hidden, "c": cell}
        )
        return probabilities.reshape(-1), hidden, cell


class VoiceActivity:
    """One speaker's voice activity at 16 kHz, window by window."""

    def __init__(self, detector: VoiceDetector) -> None:
        self._detector = detector
        self._hidden = np.zeros(_STATE_SHAPE, np.float32)
        self._cell = np.zeros(_STATE_SHAPE, np.float32)
        self._unheard = np.zeros(_CONTEXT_SAMPLES, np.float32)

    def push_audio(self, samples: FloatSamples) -> FloatSamples:
        """The probability of a voice in each window of 512 samples that is complete by now."""
        self._unheard = np.concatenate([self._unheard, samples])
        count = (len(self._unheard) - _CONTEXT_SAMPLES) // WINDOW_SAMPLES
        if not count:
            return np.empty(0, np.float32)
        starts = range(0, count * WINDOW_SAMPLES, WINDOW_SAMPLES)
        length = _CONTEXT_SAMPLES + WINDOW_SAMPLES
        windows = np.stack([self._unheard[start : start + length] for start in starts])
        self._unheard = self._unheard[count * WINDOW_SAMPLES :].copy()
        probabilities, self._hidden, self._cell = self._detector.run(
            windows, self._hidden, self._cell
        )
        return probabilities


def _network() -> Path:
    brought_by = find_spec("faster_whisper")
    for folder in (brought_by and brought_by.submodule_search_locations) or ():
        file = Path(folder) / "assets" / "silero_vad_v6.onnx"
        if file.is_file():
            return file
    raise ConfigurationError(
        "the network that tells a voice from noise is not installed: install Parley with its "
        "extra 'whisper', whose wheel of faster-whisper brings it"
    )
