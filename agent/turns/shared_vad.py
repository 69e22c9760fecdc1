"""The framework's voice activity, as barge-in has judged it: each window is judged once a call.

The framework's own detector judges every window a second time, in a thread of its own, and tells
of each: more than 1% of a core for each call. What it makes of probabilities is done here.
"""

import weakref

from livekit.agents import vad
from livekit.local_inference import VAD_WINDOW_SAMPLES

WINDOW_S = VAD_WINDOW_SAMPLES / 16_000
ACTIVATION, DEACTIVATION = 0.5, 0.35
"""The framework's: a voice begins from the one on, and goes on above the other."""


class SharedVAD(vad.VAD):
    """`push` takes what is judged elsewhere; it hears nothing itself."""

    def __init__(self, *, min_speech_s: float, min_silence_s: float) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=WINDOW_S))
        self._min_speech_s = min_speech_s
        self.min_silence_duration = min_silence_s
        """s; under the name by which the framework asks whether it suits its turn detector."""
        self._streams: weakref.WeakSet[_SharedStream] = weakref.WeakSet()

    def stream(self) -> vad.VADStream:
        stream = _SharedStream(self, self._min_speech_s, self.min_silence_duration)
        self._streams.add(stream)
        return stream

    def push(self, probability: float) -> None:
        """The next window of WINDOW_S has a voice in it with this probability."""
        for stream in self._streams:
            stream.judge(probability)


class _SharedStream(vad.VADStream):
    def __init__(self, parent: SharedVAD, min_speech_s: float, min_silence_s: float) -> None:
        super().__init__(parent)
        self._min_speech_s = min_speech_s
        self._min_silence_s = min_silence_s
        self._windows = 0
        self._reset()

    def _reset(self) -> None:
        self._speaking = False
        self._voiced_s = self._silent_s = 0.0
        """Since it was last the other."""
        self._speech_s = self._silence_s = 0.0
        """Since it was last told to be the other."""

    def push_frame(self, frame: object) -> None:
        """The sound is judged by barge-in."""

    def flush(self) -> None:
        self._reset()

    async def _main_task(self) -> None:
        async for _ in self._input_ch:
            pass

    def judge(self, probability: float) -> None:
        if self._event_ch.closed:
            return
        self._windows += 1
        if self._speaking:
            self._speech_s += WINDOW_S
        else:
            self._silence_s += WINDOW_S
        if self._speaking or self._voiced_s:  # of silence there is nothing to tell
            self._tell(vad.VADEventType.INFERENCE_DONE, probability)
        if probability >= ACTIVATION or (self._speaking and probability > DEACTIVATION):
            self._voiced_s += WINDOW_S
            self._silent_s = 0.0
            if not self._speaking and self._voiced_s >= self._min_speech_s:
                self._speaking = True
                self._speech_s, self._silence_s = self._voiced_s, 0.0
                self._tell(vad.VADEventType.START_OF_SPEECH, probability)
            return
        self._silent_s += WINDOW_S
        self._voiced_s = 0.0
        if self._speaking and self._silent_s >= self._min_silence_s:
            self._speaking = False
            self._silence_s = self._silent_s
            self._speech_s = max(0.0, self._speech_s - self._silent_s)
            self._tell(vad.VADEventType.END_OF_SPEECH, probability)
            self._speech_s = 0.0

    def _tell(self, kind: vad.VADEventType, probability: float) -> None:
        self._event_ch.send_nowait(
            vad.VADEvent(
                type=kind,
                samples_index=self._windows * VAD_WINDOW_SAMPLES,
                timestamp=self._windows * WINDOW_S,
                speech_duration=self._speech_s,
                silence_duration=self._silence_s,
                probability=probability,
                speaking=self._speaking,
                raw_accumulated_silence=self._silent_s,
                raw_accumulated_speech=self._voiced_s,
            )
        )
