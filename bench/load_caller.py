"""One of many callers: speaks at its own times, whether or not it was answered, call after call."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from caller import measure
from caller.access import request_access
from caller.call_recording import SAMPLE_RATE_HZ, CallRecording
from caller.client import RoomClient, join
from caller.errors import CallError
from caller.floor_log import FloorLog
from caller.interruption import measure_interruption
from parley.audio import Audio

CALL_S = 90.0
"""A caller hangs up after this and calls again."""
SHORTEST_CALL_S = 15.0
BETWEEN_CALLS_S = 5.0
FRAME_MS = 50
"""Every frame of one caller passes by all others in the process: short ones would be the load."""
SUPERSEDED_S = 6.0
"""A turn without an answer whose caller spoke again sooner than this was not left unanswered."""


@dataclass(frozen=True)
class LoadTurn:
    """Something a caller said. `at_s` counts from the start of the load."""

    caller: int
    at_s: float
    response_ms: float | None
    """End of speech to the first audible sample of the reply; None where none came."""
    superseded: bool
    """The caller spoke again before an answer could have come."""
    silence_ms: float | None
    """Where it was said over a reply: onset to silence at the ear."""


@dataclass
class LoadFindings:
    """Of all callers together; filled while they run."""

    turns: list[LoadTurn] = field(default_factory=list)
    calls: int = 0
    spoken: int = 0
    """Turns that callers have spoken so far."""
    refusals: list[str] = field(default_factory=list)
    """Calls that did not come about, or broke off: a sentence each."""
    starved_ms: float = 0.0
    """For so long callers had nothing to send because this machine was too busy."""


@dataclass(frozen=True)
class _LoadCall:
    """A call that has ended: both sides of it, and the onsets and ends of what was said."""

    client: RoomClient
    spoken: list[tuple[float, float]]
    began_s: float
    ended_s: float


@dataclass(kw_only=True)
class LoadCaller:
    """`run`, then `judge`: judging takes its time, which the others who still call have not.

    Turns come as a Poisson process with a mean of `every_s` between their beginnings: open
    loop, so a slow answer does not slow the caller down. One who still speaks goes on at once."""

    number: int
    gateway_url: str
    clips: Sequence[Audio]
    every_s: float
    started_s: float
    until_s: float
    clock: Callable[[], float]
    random: Random
    findings: LoadFindings
    _calls: list[_LoadCall] = field(default_factory=list, init=False)

    async def run(self) -> None:
        """Calls until the time is over, or it is cancelled."""
        while self.until_s - self.clock() > SHORTEST_CALL_S:
            try:
                await self._call(min(self.clock() + CALL_S, self.until_s))
            except CallError as error:
                self.findings.refusals.append(str(error))
            await asyncio.sleep(BETWEEN_CALLS_S)

    async def _call(self, until_s: float) -> None:
        access = await request_access(self.gateway_url)
        async with join(access, frame_ms=FRAME_MS, clock=self.clock) as client:
            await client.wait_for_agent()
            self.findings.calls += 1
            began_s, spoken = client.clock(), list[tuple[float, float]]()
            try:
                await self._talk(client, until_s, spoken)
            finally:  # a call that is broken off has been held as well
                self._calls.append(_LoadCall(client, spoken, began_s, client.clock()))

    async def _talk(
        self, client: RoomClient, until_s: float, spoken: list[tuple[float, float]]
    ) -> None:
        """Adds onset and end of each thing said, in seconds of the clock, to `spoken`."""
        due_s = client.clock() + self.random.uniform(0.5, 0.5 * self.every_s)
        while True:
            clip = self.random.choice(self.clips)
            if due_s + clip.duration_s > until_s:
                break
            await client.reached(lambda due_s=due_s: client.clock() >= due_s, timeout_s=600)  # type: ignore[misc]
            first = await client.speak(clip)
            time_of = client.microphone.time_of
            spoken.append((time_of(first), time_of(first + len(clip.samples))))
            self.findings.spoken += 1
            due_s += self.random.expovariate(1 / self.every_s)
        await client.reached(lambda: client.clock() >= until_s, timeout_s=600)

    def judge(self) -> None:
        """Adds what was heard in every call to the findings."""
        for call in self._calls:
            self._judge(call)

    def _judge(self, call: _LoadCall) -> None:
        recording = CallRecording.of(call.client, call.began_s, call.ended_s)
        floor = FloorLog.of(call.client.events, unix_offset_s=recording.unix_offset_s)
        onsets = [recording.sample_at(onset_s) for onset_s, _ in call.spoken]
        limits = [*onsets[1:], len(recording.heard)]
        for (onset_s, end_s), onset, until in zip(call.spoken, onsets, limits, strict=True):
            end = recording.sample_at(end_s)
            found = measure_interruption(recording, floor, onset=onset, until=until)
            over = found is not None and found.onset_to_silence_ms > 0
            self.findings.turns.append(
                LoadTurn(
                    caller=self.number,
                    at_s=round(onset_s - self.started_s, 2),
                    response_ms=response_ms(recording, floor, end, until),
                    superseded=until - end < SUPERSEDED_S * SAMPLE_RATE_HZ,
                    silence_ms=found.onset_to_silence_ms if found is not None and over else None,
                )
            )
        self.findings.starved_ms += 1000 * call.client.microphone.starved_s


def response_ms(recording: CallRecording, floor: FloorLog, end: int, until: int) -> float | None:
    """From sample `end` to the first sound of the reply that the agent began after it."""
    told = (recording.sample_at_unix(at_s) for at_s in floor.replies())
    begun = next((sample for sample in told if end <= sample < until), None)
    if begun is None:
        return None
    heard = measure.sounds(recording.heard[begun:until], SAMPLE_RATE_HZ, measure.AUDIBLE_DBFS)
    return round(1000 * (begun + heard[0].start - end) / SAMPLE_RATE_HZ, 1) if heard else None
