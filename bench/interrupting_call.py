"""Calls that interrupt: the agent tells known scripts, and is cut short at known moments."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from bench.interrupting_clips import InterruptingClip
from caller import measure
from caller.access import Access
from caller.call_recording import SAMPLE_RATE_HZ, CallRecording, unix_offset_s
from caller.client import RoomClient, join
from caller.conversation import settled
from caller.errors import CallError
from caller.floor_log import FloorLog
from caller.microphone import QUEUE_MS
from testkit.told_scripts import LONG, SHORT, ToldScripts, opening

Moment = Literal["first 300 ms", "anywhere", "last 200 ms"]
FIRST_S = 0.3
LAST_S = 0.2
SHARES: dict[Moment, float] = {"first 300 ms": 0.2, "anywhere": 0.6, "last 200 ms": 0.2}
PER_CALL = 8
"""Interruptions of one call: the model is shown no more than its last 20 messages, and has to see
which call it is."""
SECONDS_PER_WORD = 0.33
"""How long the scripts take to be said, until one has been heard out."""
DOWNLINK_S = 0.06
"""From the agent's word that it speaks to the ear, roughly: to aim by until it was measured."""
REPLY_TIMEOUT_S = 12.0
AFTER_LAST_S = 1.0
CALIBRATION = 0
"""The number of the call in which scripts are heard out."""


@dataclass(frozen=True)
class Planned:
    """Interrupt `script` with `clip`, `after_s` seconds after its first sound."""

    moment: Moment
    script: str
    clip: InterruptingClip
    after_s: float


@dataclass(frozen=True)
class SpokenInterruption:
    """An interruption as it was spoken; `onset_s` on the caller's clock."""

    planned: Planned
    onset_s: float


@dataclass(frozen=True)
class InterruptedCall:
    """A call that is over."""

    number: int
    recording: CallRecording
    floor: FloorLog
    spoken: tuple[SpokenInterruption, ...]
    unanswered: int
    """Interruptions after which the agent had to be asked again to speak."""
    starved_ms: float
    """For so long this machine was too busy to speak."""


def plan(
    count: int, clips: Sequence[InterruptingClip], lengths_s: dict[str, float], *, random: Random
) -> list[Planned]:
    """So many interruptions at random moments, shared out as SHARES says, in random order."""
    moments: list[Moment] = []
    for moment, share in SHARES.items():
        moments += [moment] * round(share * count)
    moments = (moments + ["anywhere"] * count)[:count]
    random.shuffle(moments)
    return [planned_at(moment, clips, lengths_s, random=random) for moment in moments]


def planned_at(
    moment: Moment,
    clips: Sequence[InterruptingClip],
    lengths_s: dict[str, float],
    *,
    random: Random,
) -> Planned:
    """An interruption at such a moment, of a script and with a clip chosen at random."""
    clip = random.choice(clips)
    script = random.choice(SHORT if moment == "last 200 ms" else LONG)
    length_s = lengths_s.get(script, SECONDS_PER_WORD * len(script.split()))
    match moment:
        case "first 300 ms":
            after_s = random.uniform(0, FIRST_S)
        case "last 200 ms":
            after_s = length_s - random.uniform(0, LAST_S)
        case "anywhere":
            after_s = random.uniform(FIRST_S, length_s - LAST_S)
    return Planned(moment, script, clip, after_s)


async def interrupt(
    access: Access,
    model: ToldScripts,
    number: int,
    planned: Sequence[Planned],
    *,
    downlink_s: float = DOWNLINK_S,
) -> InterruptedCall:
    """Makes one call: each interruption's answer is the reply that the next one interrupts.

    `downlink_s`: from the agent's word that it speaks to the first audible sample, to aim by.
    Raises CallError where the call breaks off.
    """
    async with join(access) as client:
        await client.wait_for_agent()
        began_s = client.clock()
        caller = _Interrupter(client, model, number, downlink_s)
        spoken = [await caller.interrupt(each) for each in planned]
        await caller.hear_answer()
        ended_s = client.clock()
    # Out of the event loop, which others speak in; nothing is heard any more.
    recording = await asyncio.to_thread(CallRecording.of, client, began_s, ended_s)
    return InterruptedCall(
        number=number,
        recording=recording,
        floor=FloorLog.of(client.events, unix_offset_s=recording.unix_offset_s),
        spoken=tuple(spoken),
        unanswered=caller.unanswered,
        starved_ms=round(1000 * client.microphone.starved_s, 1),
    )


async def hear_out(access: Access, model: ToldScripts, scripts: Sequence[str]) -> dict[str, float]:
    """First to last sound of each script, in seconds, told without an interruption."""
    lengths_s: dict[str, float] = {}
    async with join(access) as client:
        await client.wait_for_agent()
        for script in scripts:
            model.next[CALIBRATION] = script
            lengths_s[script] = await _heard_out_s(client)
    return lengths_s


async def _heard_out_s(client: RoomClient) -> float:
    since_s = client.clock()
    await client.type(opening(CALIBRATION))
    if not await client.reached(lambda: _told(client, since_s), timeout_s=2 * REPLY_TIMEOUT_S):
        raise CallError(f"the agent did not tell a script within {2 * REPLY_TIMEOUT_S:.0f} s")
    heard = client.ear.between(since_s, client.clock()).samples
    sounds = measure.sounds(heard, SAMPLE_RATE_HZ, measure.AUDIBLE_DBFS)
    return (sounds[-1].end - sounds[0].start) / SAMPLE_RATE_HZ


def _told(client: RoomClient, since_s: float) -> bool:
    return settled(client) and not client.ear.quiet_since(since_s)


class _Interrupter:
    """The course of one call."""

    def __init__(
        self, client: RoomClient, model: ToldScripts, number: int, downlink_s: float
    ) -> None:
        self._client = client
        self._model = model
        self._number = number
        self._downlink_s = downlink_s
        self._clip_began_s: float | None = None
        self._seen = 0
        self._replies_s: list[float] = []
        self.unanswered = 0

    async def interrupt(self, planned: Planned) -> SpokenInterruption:
        """Hears the script begin and speaks over it."""
        client, clip = self._client, planned.clip
        self._model.next[self._number] = planned.script
        began_s = await self._reply_begins()
        # What is given to the microphone now is spoken after all that is in its queue.
        speak_at_s = began_s + planned.after_s - clip.onset / clip.audio.sample_rate_hz
        await asyncio.sleep(speak_at_s - QUEUE_MS / 1000 - client.clock())
        self._clip_began_s = client.clock()
        onset_s = client.microphone.time_of(await client.speak(clip.audio) + clip.onset)
        return SpokenInterruption(planned, onset_s)

    async def hear_answer(self) -> None:
        """Listens to what comes after the last interruption."""
        self._model.next[self._number] = SHORT[0]
        await self._reply_begins()
        heard_s = self._client.clock()
        await self._client.reached(
            lambda: self._client.clock() > heard_s + AFTER_LAST_S, timeout_s=10
        )

    async def _reply_begins(self) -> float:
        """When the next reply will be heard, or was; asks for one where none comes by itself."""
        client = self._client
        if self._clip_began_s is not None:
            since_s = self._clip_began_s
            if await client.reached(lambda: self._begun(since_s), timeout_s=REPLY_TIMEOUT_S):
                return self._began_s(since_s)
            self.unanswered += 1
        since_s = client.clock()
        await client.type(opening(self._number))
        if not await client.reached(lambda: self._begun(since_s), timeout_s=REPLY_TIMEOUT_S):
            raise CallError(f"the agent said nothing within {REPLY_TIMEOUT_S:.0f} s")
        return self._began_s(since_s)

    def _begun(self, since_s: float) -> bool:
        return self._told_s(since_s) is not None

    def _began_s(self, since_s: float) -> float:
        told_s = self._told_s(since_s)
        assert told_s is not None
        return told_s + self._downlink_s

    def _told_s(self, since_s: float) -> float | None:
        """When the agent began a reply, by its own word, on the caller's clock. Asked 50 times a
        second: only news is looked at."""
        events = self._client.events
        if len(events) != self._seen:
            self._seen = len(events)
            offset_s = unix_offset_s(self._client.clock)
            floor = FloorLog.of(events, unix_offset_s=offset_s)
            self._replies_s = [at_s - offset_s for at_s in floor.replies()]
        return next((at_s for at_s in self._replies_s if at_s > since_s), None)
