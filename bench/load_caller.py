"""One of many callers: speaks at its own times, whether or not it was answered, call after call."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from caller.access import request_access
from caller.answers import answer_sample, reply_sample
from caller.call_recording import SAMPLE_RATE_HZ, CallRecording
from caller.client import RoomClient, join
from caller.errors import CallError, CallRefusedError
from caller.floor_log import FloorLog
from caller.gaps import long_silences, reply_gaps
from caller.interruption import measure_interruption
from caller.measure import Sound
from parley.audio import Audio

CALL_S = 90.0
"""A caller hangs up after this and calls again."""
SHORTEST_CALL_S = 25.0
BETWEEN_CALLS_S = 5.0
FRAME_MS = 50
"""Every frame of one caller passes by all others in the process: short ones would be the load."""
LAST_WAIT_S = 10.0
"""Before it hangs up a caller waits at least so long: its last turn has the time, too."""
SAME_TURN_S = 0.25
"""Sentences apart by less are one turn: nobody could answer the first of them."""


@dataclass(frozen=True, kw_only=True)
class LoadTurn:
    """What a caller said in one go. `at_s` counts from the start of the load."""

    caller: int
    at_s: float
    response_ms: float | None
    """End of speech to the first audible sample of the answer, behind the jitter buffer; None
    where none was heard before the caller spoke again or hung up: a miss."""
    waited_ms: float
    """From the end of speech to when the caller spoke again, or hung up."""
    first_sound_ms: float | None = None
    """The same of whatever the agent said first: an answer, a filler, or an apology."""
    buffered_ms: float | None = None
    """What of the response the caller's jitter buffer added; None where that is not known."""
    silence_ms: float | None = None
    """Where it was said over a reply: onset to silence at the ear."""
    gaps_ms: tuple[float, ...] = ()
    """Breaks in what was heard between this turn and the next, that no voice makes."""
    silences_ms: tuple[float, ...] = ()
    """Silences inside a reply so long that something must have been late."""


@dataclass
class LoadFindings:
    """Of all callers together; filled while they run."""

    turns: list[LoadTurn] = field(default_factory=list)
    calls: int = 0
    spoken: int = 0
    """Turns that callers have spoken so far."""
    refusals: list[str] = field(default_factory=list)
    """Calls that did not come about, or broke off: a sentence each."""
    told_full_ms: list[float] = field(default_factory=list)
    """Of those that were refused because no agent had room: how long it took to be told."""
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
        asked_s = self.clock()
        try:
            access = await request_access(self.gateway_url)
        except CallRefusedError as refusal:
            if refusal.wants_room:
                self.findings.told_full_ms.append(round(1000 * (self.clock() - asked_s), 1))
            raise
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
            if max(due_s, client.clock()) + clip.duration_s + LAST_WAIT_S > until_s:
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
        turns = turns_of(call.spoken)
        onsets = [recording.sample_at(onset_s) for onset_s, _ in turns]
        limits = [*onsets[1:], len(recording.heard)]
        for (onset_s, end_s), until in zip(turns, limits, strict=True):
            turn = judged_turn(recording, floor, onset_s=onset_s, end_s=end_s, until=until)
            at_s = round(onset_s - self.started_s, 2)
            self.findings.turns.append(replace(turn, caller=self.number, at_s=at_s))
        self.findings.starved_ms += 1000 * call.client.microphone.starved_s


def turns_of(spoken: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Onsets and ends, what was said without a pause joined."""
    turns: list[tuple[float, float]] = []
    for onset_s, end_s in spoken:
        if turns and onset_s - turns[-1][1] < SAME_TURN_S:
            turns[-1] = (turns[-1][0], end_s)
        else:
            turns.append((onset_s, end_s))
    return turns


def judged_turn(
    recording: CallRecording, floor: FloorLog, *, onset_s: float, end_s: float, until: int
) -> LoadTurn:
    """What became of speech from `onset_s` to `end_s`; the caller spoke again at sample `until`."""
    onset, end = recording.sample_at(onset_s), recording.sample_at(end_s)
    found = measure_interruption(recording, floor, onset=onset, until=until)
    over = found is not None and found.onset_to_silence_ms > 0
    answer = answer_sample(recording, floor, end=end, until=until)
    return LoadTurn(
        caller=0,
        at_s=onset_s,
        response_ms=_ms(answer, end),
        waited_ms=round(1000 * max(until - end, 0) / SAMPLE_RATE_HZ, 1),
        first_sound_ms=_ms(reply_sample(recording, floor, end=end, until=until), end),
        buffered_ms=None if answer is None else recording.buffered_ms(answer),
        silence_ms=found.onset_to_silence_ms if found is not None and over else None,
        gaps_ms=_lengths_ms(reply_gaps(recording, floor, start=end, end=until)),
        silences_ms=_lengths_ms(long_silences(recording, floor, start=end, end=until)),
    )


def _lengths_ms(found: Sequence[Sound]) -> tuple[float, ...]:
    return tuple(round(1000 * (each.end - each.start) / SAMPLE_RATE_HZ, 1) for each in found)


def _ms(sample: int | None, since: int) -> float | None:
    return None if sample is None else round(1000 * (sample - since) / SAMPLE_RATE_HZ, 1)
