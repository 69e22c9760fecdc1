"""A scripted conversation as it happens: each step is done when its turn comes."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from caller.client import RoomClient
from caller.conversation import (
    ANSWER_TIMEOUT_S,
    REPLY_TIMEOUT_S,
    CallConversation,
    settled,
)
from caller.errors import CallError
from caller.measure import speech_end, speech_start
from caller.microphone import QUEUE_MS, SAMPLE_RATE_HZ
from caller.script import (
    BackgroundNoise,
    Interrupt,
    Murmur,
    Say,
    ScriptStep,
    Silence,
    TypeText,
    Wait,
)


@dataclass(frozen=True)
class SpokenStep:
    """A step in which the caller spoke; speech begins and ends at these seconds of its clock."""

    step: ScriptStep
    onset_s: float
    end_s: float


class ScriptedCall:
    """Performs the steps of a script in one room."""

    def __init__(self, client: RoomClient, show: Callable[[str], None]) -> None:
        self._client = client
        self._show = show
        self._own_end_s = client.clock()
        """When the caller last ended what the agent is to answer."""
        self._reply_began_s: float | None = None
        self.spoken: list[SpokenStep] = []

    async def perform(self, steps: Sequence[ScriptStep]) -> None:
        """Raises CallError, with the step, where the agent does not do its part."""
        for step in steps:
            self._show(f"{step.where}: {step.kind}")
            try:
                await self._do(step)
            except CallError as error:
                raise CallError(f"{step.where}: {error}") from None

    async def _do(self, step: ScriptStep) -> None:
        match step.step:
            case Say():
                await self._speak(step)
                self._asked()
            case Interrupt(interrupt=timed):
                await self._speak(step, at_s=await self._into_reply_s(timed.after_ms))
                self._asked()
            case Murmur(murmur=timed):
                await self._speak(step, at_s=await self._into_reply_s(timed.after_ms))
            case Wait(wait="greeting"):
                await CallConversation(self._client).hear_greeting()
            case Wait(wait="reply_begins"):
                await self._reply_begins()
            case Wait(wait="reply_ends"):
                await self._reply_begins()
                await self._reply_ends()
            case Silence(silence_s=seconds):
                await self._passes(seconds)
            case BackgroundNoise(noise=noise):
                self._client.microphone.play_beneath(step.clip if noise is not None else None)
            case TypeText(type=text):
                self._asked()
                await self._client.type(text)

    async def _speak(self, step: ScriptStep, *, at_s: float | None = None) -> None:
        """Speaks the step's clip, its first sound at `at_s` where that lies in the future."""
        client, audio = self._client, step.clip.resampled(SAMPLE_RATE_HZ)
        onset = speech_start(audio.samples, SAMPLE_RATE_HZ)
        if at_s is not None:
            begin_s = at_s - onset / SAMPLE_RATE_HZ - QUEUE_MS / 1000
            await asyncio.sleep(begin_s - client.clock())
        first = await client.speak(audio)
        time_of = client.microphone.time_of
        end = first + speech_end(audio.samples, SAMPLE_RATE_HZ)
        self.spoken.append(SpokenStep(step, time_of(first + onset), time_of(end)))
        await client.reached(lambda: client.clock() >= time_of(end), timeout_s=2)

    def _asked(self) -> None:
        """What is heard from now on is another reply."""
        self._own_end_s = self._client.clock()
        self._reply_began_s = None

    async def _into_reply_s(self, after_ms: float) -> float:
        return await self._reply_begins() + after_ms / 1000

    async def _reply_begins(self) -> float:
        client = self._client
        if self._reply_began_s is None:
            since_s = self._own_end_s
            heard = await client.reached(
                lambda: not client.ear.quiet_since(since_s), timeout_s=ANSWER_TIMEOUT_S
            )
            if not heard:
                raise CallError(f"the agent said nothing within {ANSWER_TIMEOUT_S:.0f} s")
            self._reply_began_s = client.clock()
        return self._reply_began_s

    async def _reply_ends(self) -> None:
        client = self._client
        if not await client.reached(lambda: settled(client), timeout_s=REPLY_TIMEOUT_S):
            raise CallError(f"the reply did not end within {REPLY_TIMEOUT_S:.0f} s")

    async def _passes(self, seconds: float) -> None:
        until_s = self._client.clock() + seconds
        await self._client.reached(lambda: self._client.clock() >= until_s, timeout_s=seconds + 10)
