"""Follows one call and writes it down: into its record, and to whom webhooks tell of it."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from livekit import rtc

from agent.answering import Answering
from agent.playout.sounded import Sounded
from agent.record.beginning import record_began
from agent.record.files import RecordFiles
from agent.record.lanes import DELAY_S, PersonLane, VoiceLane
from agent.room.events import RoomEventPublisher
from agent.stt import WorkerSTT
from agent.tts import WorkerTTS
from agent.turns.report import TurnReport
from agent.webhooks.outbox import Outbox, outbox_folder
from dialogue.conversation import Conversation
from parley.app.events import Event, ToolFinished
from parley.app.session import Heard, Session
from parley.audio import Samples
from parley.clock import Clock, monotonic
from parley.records.lines import (
    AnyLine,
    AudioBegan,
    CallEnded,
    CutShort,
    ErrorTold,
    FloorChanged,
    PersonCame,
    PersonLeft,
    ToolRan,
    WorkerTook,
)
from parley.records.redaction import Redaction
from parley.records.store import local_folder
from parley.room_events import (
    RECORD_ATTRIBUTE,
    RECORDING_ATTRIBUTE,
    AnyEvent,
    ErrorEvent,
    FloorEvent,
    InterruptedEvent,
)
from parley.settings import OrchestratorSettings
from parley.speech import SynthesisStarted

EVERY_S = 0.5
"""How often what was said and heard is written: so much is lost where this process is killed, and
of the sound DELAY_S more."""
TOLD_WITHIN_S = 2.0
"""Nothing is recorded of which the people in the room could not be told."""
STOPPED_CODE = "recording_stopped"

_log = logging.getLogger(__name__)


class CallRecorder:
    """One call's. Has it `follow` in the connected room; `aclose` it once nothing more can happen.

    Where nothing is recorded and nobody is told, all of it does nothing.
    """

    def __init__(
        self,
        settings: OrchestratorSettings,
        *,
        clock: Clock = monotonic,
        now: Clock = time.time,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._now = now
        self._redaction = Redaction(settings.record.redact)
        self._files: RecordFiles | None = None
        self._outbox: Outbox | None = None
        self._person: PersonLane | None = None
        self._voice: VoiceLane | None = None
        self._sounded: Sounded | None = None
        self._session: Session | None = None
        self._entries = 0
        """Of the session's log, those that have been written."""
        self._room: rtc.Room | None = None
        self._errors: RoomEventPublisher | None = None
        self._running: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[bool] | None = None

    async def follow(  # noqa: PLR0913 - all that it follows
        self,
        room: rtc.Room,
        conversation: Conversation,
        *,
        app: str,
        events: RoomEventPublisher,
        answering: Answering,
        report: TurnReport,
        speaking: WorkerTTS,
        hearing: WorkerSTT | None,
        sounded: Sounded,
    ) -> None:
        """From now on the call is written down, and the clients in the room are told so first.

        `app` is the name that the call asked for; `sounded` is told of what sounds of the voice.
        """
        record, webhook = self._settings.record, self._settings.webhooks
        if not record.enabled and not webhook.url:
            return
        began = record_began(self._settings, conversation, room.name, app, speaking.voice)
        self._room, self._errors, self._session = room, events, conversation.session
        self._entries = len(conversation.session.log.entries)
        told = {RECORDING_ATTRIBUTE: "audio" if record.audio else "text"}
        if record.audio and record.caller_hours:
            told[RECORD_ATTRIBUTE] = began.id
        if record.enabled and await self._tell_room(told):
            self._files = RecordFiles(
                local_folder(record) / began.id,
                audio=record.audio,
                on_stopped=self._on_stopped(asyncio.get_running_loop()),
            )
        if webhook.url:
            self._outbox = Outbox(outbox_folder(), is_recorded=self._files is not None)
        self._write(began)
        if self._files is not None and record.audio:
            self._begin_audio(sounded)
        events.also = self._room_event
        answering.on_event = self._engine_event
        report.on_response = self._write
        speaking.on_started = self._synthesis
        if hearing is not None:
            hearing.pool.on_admitted = self._recognition
        room.on("participant_connected", self._on_came)
        room.on("participant_disconnected", self._on_left)
        for participant in room.remote_participants.values():
            self._on_came(participant)
        self._running = asyncio.create_task(self._run(), name="record")

    async def aclose(self) -> None:
        """Writes the last of it. Whoever is told of more after it is not heard."""
        tasks: list[asyncio.Task[Any]] = [t for t in (self._running, self._stopping) if t]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._room is None or self._running is None:
            return
        self._room.off("participant_connected", self._on_came)
        self._room.off("participant_disconnected", self._on_left)
        self._write_log()
        self._write_audio(self._clock())
        self._end_audio()
        self._write(CallEnded(at_s=self._now()))
        self._room = None
        if self._files is not None:
            await asyncio.to_thread(self._files.close)
        if self._outbox is not None:
            await asyncio.to_thread(self._outbox.close)

    # --- what it is told

    def frame(self, frame: rtc.AudioFrame) -> None:
        """A frame of the person's microphone, AUDIO_RATE_HZ mono, has just come."""
        if self._person is not None:
            self._person.push(self._clock(), np.frombuffer(frame.data, np.int16))

    def _room_event(self, event: AnyEvent) -> None:
        """The clients in the room are told this."""
        match event:
            case FloorEvent(floor=floor, at_s=at_s):
                self._write(FloorChanged(at_s=at_s, floor=floor))
            case InterruptedEvent(onset_at_s=onset_at_s, decided_at_s=decided_at_s):
                self._write(
                    CutShort(at_s=self._now(), onset_at_s=onset_at_s, decided_at_s=decided_at_s)
                )
            case ErrorEvent(code=code, message=message):
                self._write(ErrorTold(at_s=self._now(), code=code, message=message))

    def _engine_event(self, event: Event) -> None:
        """The engine has said this of an answer."""
        if isinstance(event, ToolFinished):
            self._write(
                ToolRan(
                    at_s=self._now(),
                    call_id=event.call_id,
                    name=event.name,
                    outcome=event.outcome,
                    took_s=round(event.took_s, 4),
                )
            )

    def _synthesis(self, event: SynthesisStarted) -> None:
        """A speech worker has taken an utterance."""
        self._write(
            WorkerTook(
                at_s=self._now(), worker=event.worker_id, voice=event.voice, engine=event.engine
            )
        )

    def _recognition(self, worker_id: str) -> None:
        """A worker listens from now on."""
        self._write(WorkerTook(at_s=self._now(), role="asr", worker=worker_id))

    # --- what it writes

    def _write(self, line: AnyLine) -> None:
        if self._room is None:
            return
        line = self._redaction.line(line)
        if self._files is not None:
            self._files.line(line.model_dump_json())
        if self._outbox is not None:
            self._outbox.take(line)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            self._write_log()
            self._write_audio(self._clock() - DELAY_S)

    def _write_log(self) -> None:
        """What has been added to the session's log."""
        if self._session is None:
            return
        entries: Sequence[AnyLine] = self._session.log.entries[self._entries :]
        self._entries += len(entries)
        for entry in entries:
            # Half a number that is heard would not be recognized as one.
            if isinstance(entry, Heard) and not entry.final and self._redaction.blackens:
                continue
            self._write(entry)

    # --- the sound

    def _begin_audio(self, sounded: Sounded) -> None:
        start_s = self._clock()
        self._person = PersonLane(start_s)
        self._voice = VoiceLane(start_s, sounded.sample_rate_hz)
        self._sounded, sounded.also = sounded, self._voice.sounded
        self._write(AudioBegan(at_s=self._now()))

    def _write_audio(self, until_s: float) -> None:
        if self._files is None or self._person is None or self._voice is None:
            return
        sides: list[Samples] = [self._person.take(until_s), self._voice.take(until_s)]
        if len(sides[0]):
            self._files.audio(np.stack(sides, axis=1))

    def _end_audio(self) -> None:
        self._person = self._voice = None
        if self._sounded is not None:
            self._sounded.also = None

    # --- the people

    def _on_came(self, participant: rtc.RemoteParticipant) -> None:
        self._write(PersonCame(at_s=self._now(), user=participant.identity, name=participant.name))

    def _on_left(self, participant: rtc.RemoteParticipant) -> None:
        self._write(PersonLeft(at_s=self._now(), user=participant.identity))

    def _on_stopped(self, loop: asyncio.AbstractEventLoop) -> Callable[[str], None]:
        def stopped(why: str) -> None:
            try:
                loop.call_soon_threadsafe(self._stopped, why)
            except RuntimeError:  # the loop is closed: the call has ended
                _log.debug("nobody is left to be told")

        return stopped

    def _stopped(self, why: str) -> None:
        self._end_audio()
        self._files = None
        if self._errors is not None and self._room is not None:
            self._errors.error(STOPPED_CODE, f"The recording of this call has stopped: {why}.")
            self._stopping = asyncio.create_task(
                self._tell_room({RECORDING_ATTRIBUTE: ""}), name="recording-stopped"
            )

    async def _tell_room(self, what: dict[str, str]) -> bool:
        """Tells the clients what is recorded; False where that cannot be done."""
        if self._room is None or not self._room.isconnected():
            return False
        try:
            async with asyncio.timeout(TOLD_WITHIN_S):
                await self._room.local_participant.set_attributes(what)
        except TimeoutError:
            _log.error("nobody can be told of the recording: the call is not recorded")
            return False
        return True
