"""The course of a call: the greeting, then turn after turn, each waited out and measured."""

from dataclasses import dataclass

from caller import measure
from caller.client import RoomClient
from caller.ear import SAMPLE_RATE_HZ
from caller.errors import CallError
from caller.report import TurnFigures
from parley.audio import Audio
from parley.room_events import TurnEvent, TurnStages

LISTENING = "listening"

GREETING_ONSET_S = 5.0
"""An agent that listens in silence for this long has no greeting."""
GREETING_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 30.0
"""Longest wait for an answer to begin, counted from the end of the recording."""
REPLY_TIMEOUT_S = 180.0
SETTLED_S = 0.6
"""The agent has finished when it says that it listens and nothing was audible for this long."""
TALK_OVER_PATIENCE_S = 5.0
"""After talking over the caller's end, the agent may still answer within this."""
TRANSCRIPT_TIMEOUT_S = 3.0
REPLY_MARGIN_S = 0.1


def settled(client: RoomClient) -> bool:
    """Whether the agent has finished what it had to say."""
    return client.ear.quiet_since(client.clock() - SETTLED_S) and client.agent_state == LISTENING


@dataclass(frozen=True)
class Recording:
    """A recording to be spoken; `file` is its name as the user gave it."""

    file: str
    audio: Audio


@dataclass(frozen=True)
class ReceivedReply:
    """A reply as it was received.

    `onset_s` is the time of its first audible sample on the caller's clock; `audio` reaches from
    just before that to just after the last audible one, which are `length_s` apart.
    """

    onset_s: float
    length_s: float
    audible_s: float
    audio: Audio
    talks_over: bool


@dataclass(frozen=True)
class MeasuredTurn:
    """A turn as it was measured; `reply` is None when nothing audible came."""

    report: TurnFigures
    reply: ReceivedReply | None


class CallConversation:
    """Talks with the agent of one room."""

    def __init__(self, client: RoomClient) -> None:
        self._client = client

    async def hear_greeting(self) -> bool:
        """Waits for the agent and hears its greeting out; False when it has none.

        Raises CallError when no agent comes, or it never gets ready to listen.
        """
        client = self._client
        await client.wait_for_agent()
        joined_s = client.clock()

        def heard_out() -> bool:
            if client.ear.quiet_since(joined_s):
                silent_s = client.clock() - joined_s
                return client.agent_state == LISTENING and silent_s >= GREETING_ONSET_S
            return settled(client)

        if not await client.reached(heard_out, timeout_s=GREETING_TIMEOUT_S):
            raise CallError(
                f"the agent was not ready to listen within {GREETING_TIMEOUT_S:.0f} s "
                f"(its state: {client.agent_state or 'unknown'})"
            )
        return not client.ear.quiet_since(joined_s)

    async def turn(self, recording: Recording) -> MeasuredTurn:
        """Speaks the recording and hears the answer out.

        `response_ms` is when the first audible sample of the reply was heard, less when the last
        sample of the caller's speech was spoken: mouth to ear, as caller/microphone.py and
        caller/ear.py say when a sample counts as spoken and heard. An agent that talks over the
        end of the caller's speech, and says nothing after, has a negative one. Raises CallError
        when the call breaks off.
        """
        client = self._client
        audio = recording.audio.resampled(SAMPLE_RATE_HZ)
        started_s = client.clock()
        last_spoken = await client.speak(audio) + measure.speech_end(audio.samples, SAMPLE_RATE_HZ)
        reply = await self._hear_reply(started_s, last_spoken)
        spoken_s = client.microphone.time_of(last_spoken)
        said = client.transcripts.said_by
        told = self._told(started_s)
        response_ms = round(1000 * (reply.onset_s - spoken_s), 1) if reply else None
        return MeasuredTurn(
            report=TurnFigures(
                file=recording.file,
                user_transcript=said(client.access.identity, since_s=started_s),
                agent_transcript=said(client.agent_identity, since_s=started_s),
                response_ms=response_ms,
                response_at_arrival_ms=self._at_arrival(response_ms, reply),
                filler=bool(told) and told[0].filler,
                stages=_stages(told),
                reply_audio_s=round(reply.length_s, 3) if reply else 0.0,
            ),
            reply=reply,
        )

    async def _hear_reply(self, started_s: float, last_spoken: int) -> ReceivedReply | None:
        client = self._client
        deadline_s = client.clock() + ANSWER_TIMEOUT_S
        since_s = client.microphone.time_of(last_spoken)
        reply: ReceivedReply | None = None
        while await self._heard_anything(since_s, until_s=deadline_s):
            if not await client.reached(lambda: settled(client), timeout_s=REPLY_TIMEOUT_S):
                raise CallError(f"the reply did not end within {REPLY_TIMEOUT_S:.0f} s")
            since_s = client.clock()
            reply = self._measured_reply(started_s, last_spoken)
            if reply is not None and not reply.talks_over:
                break
            if reply is not None:
                deadline_s = min(deadline_s, since_s + TALK_OVER_PATIENCE_S)
        if reply is not None:
            await client.reached(
                lambda: client.transcripts.complete(client.agent_identity, since_s=started_s),
                timeout_s=TRANSCRIPT_TIMEOUT_S,
            )
        return reply

    async def _heard_anything(self, since_s: float, *, until_s: float) -> bool:
        client = self._client
        return await client.reached(
            lambda: not client.ear.quiet_since(since_s), timeout_s=until_s - client.clock()
        )

    def _measured_reply(self, started_s: float, last_spoken: int) -> ReceivedReply | None:
        client, rate = self._client, SAMPLE_RATE_HZ
        heard = client.ear.between(started_s, client.clock())
        speech_end = round((client.microphone.time_of(last_spoken) - started_s) * rate)
        threshold = measure.audible_threshold_dbfs(heard.samples[:speech_end], rate)
        sounds = measure.sounds(heard.samples, rate, threshold)
        sound = measure.reply_among(sounds, speech_end)
        if sound is None:
            return None
        margin = round(REPLY_MARGIN_S * rate)
        return ReceivedReply(
            onset_s=started_s + sound.start / rate,
            length_s=(sound.end - sound.start) / rate,
            audible_s=measure.audible_s(heard.samples[sound.start : sound.end], rate, threshold),
            audio=Audio(heard.samples[max(sound.start - margin, 0) : sound.end + margin], rate),
            talks_over=sound.start < speech_end,
        )

    def _at_arrival(self, response_ms: float | None, reply: ReceivedReply | None) -> float | None:
        """Less what the jitter buffer held back around the reply's first sound."""
        if response_ms is None or reply is None:
            return None
        held_s = self._client.ear.buffer_delays.mean_s(reply.onset_s)
        return None if held_s is None else round(response_ms - 1000 * held_s, 1)

    def _told(self, since_s: float) -> list[TurnEvent]:
        return [
            heard.event
            for heard in self._client.events
            if heard.at_s >= since_s and isinstance(heard.event, TurnEvent)
        ]


def _stages(told: list[TurnEvent]) -> TurnStages:
    """Of the answer that was told last; those of a filler where there is no more, and all unknown
    where nothing was told."""
    answers = [turn for turn in told if not turn.filler] or told
    return answers[-1].stages if answers else TurnStages()
