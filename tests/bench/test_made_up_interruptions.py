"""A run of interruptions ends, whatever its replies are like: what misses is made up for, aimed by
what was learned, and not for ever."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np
import pytest

from bench.interrupting_call import InterruptedCall, Planned, SpokenInterruption
from bench.interrupting_clips import first_words
from bench.interruptions import Driver, InterruptionsRun
from caller.call_recording import SAMPLE_RATE_HZ as RATE
from caller.call_recording import CallRecording
from caller.floor_log import FloorLog
from parley.room_events import FloorEvent
from testkit.sounds import burst
from testkit.told_scripts import SCRIPTS

UNIX_S = 1_000_000.0
STRETCH_S = 8.0
TOLD_AT_S = 1.0
GIVES_WAY_S = 0.15
COUNT = 20


@dataclass
class Agent:
    """Speaks replies of one length, and falls silent when it is spoken over."""

    length_s: float = 2.0
    downlink_s: float = 0.06
    audible: bool = True
    calls: int = 0
    aimed_by_s: list[float] = field(default_factory=list)

    async def call(
        self, number: int, planned: Sequence[Planned], downlink_s: float
    ) -> InterruptedCall:
        self.calls += 1
        self.aimed_by_s.append(downlink_s)
        heard = np.zeros(round(len(planned) * STRETCH_S * RATE), np.int16)
        floors: list[FloorEvent] = []
        spoken: list[SpokenInterruption] = []

        def told(at_s: float, floor: str) -> None:
            floors.append(FloorEvent.model_validate({"floor": floor, "at_s": UNIX_S + at_s}))

        for place, each in enumerate(planned):
            told_s = place * STRETCH_S + TOLD_AT_S
            onset_s = told_s + downlink_s + each.after_s
            start_s = told_s + self.downlink_s
            end_s = start_s + self.length_s
            told(told_s, "speaking")
            if onset_s < end_s:
                end_s = min(end_s, max(start_s, onset_s + GIVES_WAY_S))
                told(onset_s + GIVES_WAY_S - self.downlink_s, "yielded")
            told(max(end_s, onset_s) + 0.5, "quiet")
            if self.audible and end_s > start_s:
                sound = burst(end_s - start_s).samples
                heard[round(start_s * RATE) :][: len(sound)] = sound
            spoken.append(SpokenInterruption(each, onset_s))
        recording = CallRecording(np.zeros_like(heard), heard, 0.0, UNIX_S)
        return InterruptedCall(number, recording, FloorLog(tuple(floors)), tuple(spoken), 0, 0.0)


async def driven(agent: Agent, *, thought_s: float = 2.0) -> InterruptionsRun:
    """A run whose scripts were thought to take so long."""
    run, lengths_s = InterruptionsRun(), dict.fromkeys(SCRIPTS, thought_s)
    clips = [first_words("a", burst(2.0))]
    driver = Driver(agent.call, run, COUNT, lambda line: None, clips, lengths_s, Random(3))
    await driver.drive()
    return run


async def test_replies_that_are_as_thought_are_all_interrupted() -> None:
    run = await driven(agent := Agent())
    assert (len(run.records), run.too_late, run.not_made_up) == (COUNT, 0, 0)
    assert agent.calls == 3


async def test_replies_that_are_shorter_than_thought_are_interrupted_all_the_same() -> None:
    """Every one at a reply's last moments came after its end, again and again."""
    run = await driven(Agent(length_s=2.0), thought_s=2.6)
    assert (len(run.records), run.not_made_up) == (COUNT, 0)
    assert 0 < run.too_late <= 10
    moments = Counter(record.moment for record in run.records)
    assert moments["last 200 ms"] == 4


async def test_replies_that_are_heard_late_are_aimed_at_by_how_late() -> None:
    run = await driven(agent := Agent(downlink_s=0.4))
    assert (len(run.records), run.not_made_up) == (COUNT, 0)
    assert agent.aimed_by_s[-1] == pytest.approx(0.4, abs=0.02)


async def test_a_run_in_which_nothing_can_be_interrupted_ends() -> None:
    run = await driven(agent := Agent(audible=False))
    assert run.records == []
    assert run.not_made_up == COUNT
    assert agent.calls < 10
