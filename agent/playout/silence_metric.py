"""How soon a reply that is given up has fallen silent: the stage decision_to_silence."""

import asyncio

from parley.telemetry import agent as metrics


def count_silencing(ramp: asyncio.Task[float] | None, *, decided_s: float) -> None:
    """`ramp` gives when the last audible sample had sounded, and `decided_s` is when silence was
    decided on, of the same clock. None: nothing sounded, and there is nothing to measure."""
    if ramp is not None:
        ramp.add_done_callback(lambda done: _observe(done, decided_s))


def _observe(ramp: asyncio.Task[float], decided_s: float) -> None:
    if not ramp.cancelled() and ramp.exception() is None:
        silent_s = ramp.result() - decided_s
        metrics.barge_in_latency_seconds.labels("decision_to_silence").observe(silent_s)
