"""Measures each utterance as the agent saw it: the synthesis_* and sla_* metrics."""

from types import TracebackType
from typing import Self

from parley.clock import Clock, monotonic
from parley.errors import (
    InvalidSpeechRequestError,
    SpeechError,
    VoiceNotFoundError,
    WorkersBusyError,
    WorkerStalledError,
)
from parley.speech import SynthesisStarted
from parley.telemetry import agent as metrics

_REASONS = (
    (WorkersBusyError, "busy"),
    (VoiceNotFoundError, "voice_not_found"),
    (InvalidSpeechRequestError, "invalid_request"),
    (WorkerStalledError, "stalled"),
    (SpeechError, "unavailable"),
)
_NO_AUDIO = "no_audio"
_NOBODY = "none"

for _reason in (*(reason for _, reason in _REASONS), _NO_AUDIO):
    metrics.synthesis_errors_total.labels(_reason)  # 0, so that a rate sees the first


class SynthesisMeter:
    """One utterance: entered when its first text is handed over, left when it has ended.

    It is counted once: when its first audio comes, when it fails or ends without any, or when it
    is given up after the SLA has passed. Given up sooner, it has kept nobody waiting.
    """

    def __init__(self, voice: str, *, clock: Clock = monotonic) -> None:
        self._clock = clock
        self._labels = voice, _NOBODY, _NOBODY
        self._asked_s = 0.0
        self._sounds = False
        self._violates = False

    def __enter__(self) -> Self:
        self._asked_s = self._clock()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, SpeechError):
            self._fail(next(reason for kind, reason in _REASONS if isinstance(error, kind)))
        elif self._sounds:
            return
        elif error is None:
            self._fail(_NO_AUDIO)
        elif self._waited_s > metrics.SLA_FIRST_AUDIO_S:
            self._count()
            self._violate()
        else:
            metrics.synthesis_withdrawn_total.inc()

    def started(self, event: SynthesisStarted) -> None:
        """A worker took it; until it sounds another one may take it over."""
        if not self._sounds:
            self._labels = event.voice, event.engine, event.worker_id

    def audio(self) -> None:
        if self._sounds:
            return
        waited_s = self._waited_s
        self._count()
        self._sounds = True
        metrics.synthesis_latency_seconds.labels(*self._labels).observe(waited_s)
        if waited_s > metrics.SLA_FIRST_AUDIO_S:
            self._violate()

    @property
    def _waited_s(self) -> float:
        return self._clock() - self._asked_s

    def _fail(self, reason: str) -> None:
        if not self._sounds:
            self._count()
        metrics.synthesis_errors_total.labels(reason).inc()
        self._violate()

    def _count(self) -> None:
        metrics.synthesis_total.labels(*self._labels).inc()

    def _violate(self) -> None:
        if not self._violates:
            self._violates = True
            metrics.sla_violations_total.inc()
