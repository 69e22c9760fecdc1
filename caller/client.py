"""A caller in a room: its microphone and ear, the agent's state, both transcripts, the events."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livekit import rtc
from pydantic import ValidationError

from caller.access import Access
from caller.ear import Ear
from caller.errors import CallError
from caller.loudspeaker import Loudspeaker
from caller.microphone import FRAME_MS, NATIVE_WITHIN_S, Microphone
from caller.transcripts import TOPIC, Transcripts
from parley import room_events
from parley.audio import Audio
from parley.clock import Clock, monotonic
from parley.room_events import TURN_RECORDING_FILE, TURN_RECORDING_TOPIC

CONNECT_TIMEOUT_S = 15.0
AGENT_TIMEOUT_S = 15.0
CHAT_TOPIC = "lk.chat"
STATE_ATTRIBUTE = "lk.agent.state"


@dataclass(frozen=True)
class HeardEvent:
    """A Parley event and when it came, in seconds of the clock."""

    at_s: float
    event: room_events.AnyEvent


class RoomClient:
    """One caller in one room; made by `join`. All times are of one clock, the microphone's and
    the ear's too."""

    def __init__(
        self,
        access: Access,
        *,
        frame_ms: int = FRAME_MS,
        agent_may_be_replaced: bool = False,
        loudspeaker: Loudspeaker | None = None,
        quiet_room: bool = True,
        clock: Clock = monotonic,
    ) -> None:
        """`agent_may_be_replaced`: an agent that leaves does not end the call. `loudspeaker`:
        the microphone hears what the ear does. `quiet_room`: as Microphone has it."""
        self.access = access
        self._agent_may_be_replaced = agent_may_be_replaced
        self.clock = clock
        self.microphone = Microphone(frame_ms=frame_ms, quiet_room=quiet_room, clock=clock)
        self.ear = Ear(frame_ms=frame_ms, clock=clock)
        self.microphone.loudspeaker = self.ear.loudspeaker = loudspeaker
        self.transcripts = Transcripts(clock=clock)
        self.events: list[HeardEvent] = []
        self.turn_recording = ""
        """JSON lines of what the agent's turn-taking saw and decided, where it was asked for."""
        self.agent: rtc.RemoteParticipant | None = None
        self._room = rtc.Room()
        self._hearing: asyncio.Task[None] | None = None
        self._failure: CallError | None = None
        self._speaking: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def agent_state(self) -> str:
        """initializing, listening, thinking or speaking; empty while it has not said."""
        return self.agent.attributes.get(STATE_ATTRIBUTE, "") if self.agent else ""

    @property
    def agent_identity(self) -> str:
        return self.agent.identity if self.agent else ""

    @property
    def model_fault(self) -> str | None:
        """What the agent said of its language model, where that has not answered a turn."""
        errors = (h.event for h in self.events if isinstance(h.event, room_events.ErrorEvent))
        return next((e.message for e in errors if room_events.is_model_fault(e.code)), None)

    async def reached(self, condition: Callable[[], bool], *, timeout_s: float) -> bool:
        """Waits until the condition holds, asking it with every frame; False after the time.

        Raises CallError when the call breaks off.
        """
        heartbeat = self.microphone.frame_passed
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    if self._failure is not None:
                        raise self._failure
                    if condition():
                        return True
                    heartbeat.clear()
                    await heartbeat.wait()
        except TimeoutError:
            return False

    async def wait_for_agent(self) -> None:
        """Returns once the agent's voice can be heard; raises CallError when none comes."""
        if not await self.reached(lambda: self._hearing is not None, timeout_s=AGENT_TIMEOUT_S):
            raise CallError(
                f"no agent joined the call within {AGENT_TIMEOUT_S:.0f} s: "
                "is the agent running and registered?"
            )

    async def speak(self, recording: Audio) -> int:
        """Speaks the recording; its first sample among the microphone's, once the last one is in
        its queue. Raises CallError when the call breaks off or this machine cannot keep up."""
        utterance = self.microphone.speak(recording)
        longest_s = 2 * recording.duration_s + 10
        if not await self.reached(lambda: utterance.pushed, timeout_s=longest_s):
            raise CallError("this machine is too busy to speak in real time")
        assert utterance.first_sample is not None
        return utterance.first_sample

    async def type(self, text: str) -> None:
        """Sends the agent a text, as the page's input field does."""
        await self._room.local_participant.send_text(text, topic=CHAT_TOPIC)

    async def connect(self) -> None:
        """Joins the room and opens the microphone; raises CallError."""
        room = self._room
        room.on("participant_disconnected", self._on_participant_disconnected)
        room.on("track_subscribed", self._on_track_subscribed)
        room.on("data_received", self._on_data)
        room.on("disconnected", self._on_disconnected)
        room.register_text_stream_handler(TOPIC, self._on_transcription)
        room.register_text_stream_handler(TURN_RECORDING_TOPIC, self._on_turn_recording)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await room.connect(self.access.url, self.access.token)
        except TimeoutError:
            raise CallError(f"LiveKit at {self.access.url} did not let us in in time") from None
        except rtc.ConnectError as error:
            raise CallError(f"LiveKit at {self.access.url} refused us: {error.message}") from None
        self._speaking = self._start(self.microphone.run())
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self.microphone.source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await room.local_participant.publish_track(track, options)

    async def leave(self) -> None:
        """Leaves the room and frees what belongs to it; safe at any time, and twice."""
        self.microphone.stop()
        if self._speaking is not None:
            await asyncio.wait([self._speaking], timeout=NATIVE_WITHIN_S)
        await self._room.disconnect()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.microphone.aclose()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._fail(f"the call broke off: {type(error).__name__}: {error}")

    def _fail(self, message: str) -> None:
        self._failure = self._failure or CallError(message)

    def _on_track_subscribed(
        self,
        track: rtc.Track,
        publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        if participant.kind != rtc.ParticipantKind.PARTICIPANT_KIND_AGENT:
            return
        # One voice at a time: a track after a reconnect, not a second one beside the first.
        hears = self._hearing is not None and not self._hearing.done()
        if track.kind == rtc.TrackKind.KIND_AUDIO and not hears:
            self.agent = participant
            self._hearing = self._start(self.ear.listen(track))

    def _on_participant_disconnected(self, participant: rtc.RemoteParticipant) -> None:
        if self.agent is not None and participant.identity == self.agent.identity:
            if not self._agent_may_be_replaced:
                self._fail("the agent left the call")
                return
            self.agent = None
            if self._hearing is not None:
                self._hearing.cancel()
                self._hearing = None

    def _on_disconnected(self, reason: rtc.DisconnectReason.ValueType) -> None:
        name = rtc.DisconnectReason.Name(reason).lower().replace("_", " ")
        self._fail(f"the room was lost ({name})")

    def _on_transcription(self, reader: rtc.TextStreamReader, speaker: str) -> None:
        self._start(self.transcripts.read(reader, speaker))

    def _on_turn_recording(self, reader: rtc.TextStreamReader, _: str) -> None:
        self._start(self._keep_recording(reader))

    async def _keep_recording(self, reader: rtc.TextStreamReader) -> None:
        async for lines in reader:
            self.turn_recording += lines

    def _on_data(self, packet: rtc.DataPacket) -> None:
        if packet.topic != room_events.TOPIC:
            return
        try:
            event = room_events.decode(packet.data)
        except ValidationError:
            return  # of a newer agent
        self.events.append(HeardEvent(self.clock(), event))
        if isinstance(event, room_events.ErrorEvent) and event.fatal:
            self._fail(f"the agent ended the call: {event.message}")


def write_turn_recording(client: RoomClient, folder: Path) -> None:
    """Keeps what the agent sent of its turn-taking, for `./run replay`; raises CallError."""
    whole, _, _ = client.turn_recording.rpartition("\n")  # the last line may be half sent
    if not whole:
        raise CallError("the agent sent no recording of its turn-taking: is it of this version?")
    file = folder / TURN_RECORDING_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{whole}\n", encoding="utf-8")
    except OSError as error:
        raise CallError(f"--record {folder}: {error.strerror}") from None


@asynccontextmanager
async def join(
    access: Access,
    *,
    frame_ms: int = FRAME_MS,
    agent_may_be_replaced: bool = False,
    loudspeaker: Loudspeaker | None = None,
    quiet_room: bool = True,
    clock: Clock = monotonic,
) -> AsyncIterator[RoomClient]:
    """A caller in the room that `access` opens, for as long as the context lasts.

    `agent_may_be_replaced`: an agent that leaves does not end the call. `loudspeaker`: the
    microphone hears what the ear does. `quiet_room`: as Microphone has it.

    Longer frames than the default cost less and let `RoomClient.reached` look less often; what is
    measured stays the same.
    """
    client = RoomClient(
        access,
        frame_ms=frame_ms,
        agent_may_be_replaced=agent_may_be_replaced,
        loudspeaker=loudspeaker,
        quiet_room=quiet_room,
        clock=clock,
    )
    try:
        await client.connect()
        yield client
    finally:
        await client.leave()
