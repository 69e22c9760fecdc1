"""What is counted of an utterance: what was asked for, and how long the agent waited for it."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from agent.synthesis_metrics import SynthesisMeter
from parley.errors import (
    SpeechError,
    VoiceNotFoundError,
    WorkersBusyError,
    WorkerStalledError,
    WorkerUnavailableError,
)
from parley.speech import SynthesisStarted

COUNTED = ("asked", "withdrawn", "violations", "errors")


class Watch:
    """A clock that is turned, and what has been counted since it was made."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self._before = self._read()

    def __call__(self) -> float:
        return self.now_s

    @property
    def counted(self) -> dict[str, float]:
        now = self._read()
        return {name: now[name] - self._before[name] for name in COUNTED}

    def _read(self) -> dict[str, float]:
        names = {
            "synthesis_total": "asked",
            "synthesis_withdrawn_total": "withdrawn",
            "sla_violations_total": "violations",
            "synthesis_errors_total": "errors",
        }
        found = dict.fromkeys(COUNTED, 0.0)
        for family in REGISTRY.collect():
            for sample in family.samples:
                if sample.name in names:
                    found[names[sample.name]] += sample.value
        return found


def started(worker: str = "w1") -> SynthesisStarted:
    return SynthesisStarted(worker, "piper", "joe", 24000, reproducible=True)


def seconds_of(worker: str) -> float:
    labels = {"voice": "joe", "engine": "piper", "worker": worker}
    return REGISTRY.get_sample_value("synthesis_latency_seconds_sum", labels) or 0.0


def test_first_audio_in_time_is_within_the_sla() -> None:
    watch = Watch()
    with SynthesisMeter("joe", clock=watch) as meter:
        meter.started(started())
        watch.now_s += 0.5
        meter.audio()
        watch.now_s += 5.0
        meter.audio()
    assert watch.counted == {"asked": 1, "withdrawn": 0, "violations": 0, "errors": 0}


@pytest.mark.parametrize(
    ("refused_s", "lost_after_s", "violations"),
    [(0.4, [0.3], 1), (0.0, [0.1], 0), (0.9, [], 1), (0.05, [0.05, 0.05, 0.05], 0)],
)
def test_the_wait_is_that_of_the_agent_whoever_refused_and_belongs_to_the_worker_heard(
    refused_s: float, lost_after_s: list[float], violations: int
) -> None:
    watch, before_s = Watch(), (seconds_of("lost"), seconds_of("heard"))
    with SynthesisMeter("joe", clock=watch) as meter:
        watch.now_s += refused_s  # and asked again
        for seconds in lost_after_s:
            meter.started(started("lost"))
            watch.now_s += seconds
        meter.started(started("heard"))
        watch.now_s += 0.1
        meter.audio()
    assert seconds_of("lost") == before_s[0]
    waited_s = refused_s + sum(lost_after_s) + 0.1
    assert seconds_of("heard") - before_s[1] == pytest.approx(waited_s)
    assert watch.counted == {"asked": 1, "withdrawn": 0, "violations": violations, "errors": 0}


@pytest.mark.parametrize(
    "error",
    [
        WorkersBusyError("full", retry_after_s=1.0),
        WorkerStalledError("silent"),
        WorkerUnavailableError("gone"),
        VoiceNotFoundError("nobody"),
    ],
)
def test_what_fails_was_asked_for_and_is_not_within_the_sla(error: SpeechError) -> None:
    watch = Watch()
    with pytest.raises(SpeechError), SynthesisMeter("joe", clock=watch):
        raise error
    assert watch.counted == {"asked": 1, "withdrawn": 0, "violations": 1, "errors": 1}


def test_what_breaks_off_after_its_first_audio_is_counted_once() -> None:
    watch = Watch()
    with pytest.raises(SpeechError), SynthesisMeter("joe", clock=watch) as meter:
        meter.started(started())
        watch.now_s += 0.7
        meter.audio()
        raise WorkerStalledError("silent")
    assert watch.counted == {"asked": 1, "withdrawn": 0, "violations": 1, "errors": 1}


def test_what_ends_without_a_sound_has_failed() -> None:
    watch = Watch()
    with SynthesisMeter("joe", clock=watch) as meter:
        meter.started(started())
    assert watch.counted == {"asked": 1, "withdrawn": 0, "violations": 1, "errors": 1}


@pytest.mark.parametrize(
    ("waited_s", "counted"),
    [
        (0.3, {"asked": 0, "withdrawn": 1, "violations": 0, "errors": 0}),
        (0.6, {"asked": 1, "withdrawn": 0, "violations": 1, "errors": 0}),
    ],
)
def test_giving_up_is_a_violation_only_for_who_had_waited(
    waited_s: float, counted: dict[str, float]
) -> None:
    watch = Watch()
    with pytest.raises(asyncio.CancelledError), SynthesisMeter("joe", clock=watch):
        watch.now_s += waited_s
        raise asyncio.CancelledError
    assert watch.counted == counted


def test_giving_up_what_sounds_is_nothing_new() -> None:
    watch = Watch()
    with pytest.raises(asyncio.CancelledError), SynthesisMeter("joe", clock=watch) as meter:
        meter.started(started())
        meter.audio()
        watch.now_s += 4.0
        raise asyncio.CancelledError
    assert watch.counted == {"asked": 1, "withdrawn": 0, "violations": 0, "errors": 0}
