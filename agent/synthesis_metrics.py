"""Measures each utterance as the agent saw it: the synthesis_* and sla_* metrics."""

import time

from parley.errors import (
    InvalidSpeechRequestError,
    SpeechError,
    VoiceNotFoundError,
    WorkersBusyError,
    WorkerStalledError,
)
from parley.speech import SynthesisStarted
from parley.telemetry import metrics

_REASONS = (
    (WorkersBusyError, "busy"),
    (VoiceNotFoundError, "voice_not_found"),
    (InvalidSpeechRequestError, "invalid_request"),
    (WorkerStalledError, "stalled"),
    (SpeechError, "unavailable"),
)
_NOBODY = "none"


class SynthesisMeter:
    """One utterance, made when its first text is handed over."""

    def __init__(self, voice: str) -> None:
        self._voice = voice
        self._asked_at = time.perf_counter()
        self._labels: tuple[str, str, str] | None = None
        self._heard = False

    def started(self, event: SynthesisStarted) -> None:
        """A worker took it; after a failover another one does, which is not counted again."""
        if self._labels is None:
            self._labels = (event.voice, event.engine, event.worker_id)
            metrics.synthesis_total.labels(*self._labels).inc()

    def audio(self) -> None:
        if self._heard or self._labels is None:
            return
        self._heard = True
        latency_s = time.perf_counter() - self._asked_at
        metrics.synthesis_latency_seconds.labels(*self._labels).observe(latency_s)
        if latency_s > metrics.SLA_FIRST_AUDIO_S:
            metrics.sla_violations_total.inc()

    def failed(self, error: SpeechError) -> None:
        if self._labels is None:  # requested, though nobody took it
            metrics.synthesis_total.labels(self._voice, _NOBODY, _NOBODY).inc()
        reason = next(reason for kind, reason in _REASONS if isinstance(error, kind))
        metrics.synthesis_errors_total.labels(reason).inc()
