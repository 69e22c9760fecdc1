"""Full duplex: the agent's track, what decides about it, and the framework's session, joined.

The framework neither hears interruptions nor plays audio here: `BargeIn` decides, `Playout`
sounds, and the session is told when a reply is cut. It takes the history from what was heard.
"""

import asyncio
import time

from livekit import rtc
from livekit.agents import AgentSession, AgentStateChangedEvent
from livekit.agents.voice.io import PlaybackFinishedEvent

from agent.answering import Answering
from agent.playout.output import Playout
from agent.playout.silence_metric import count_silencing
from agent.room.events import RoomEventPublisher
from agent.room.line import Line, Microphones
from agent.room.transcript import HeardTranscript
from agent.turns.barge_in import BargeIn, Cut
from agent.turns.floor import Floor, FloorPolicy
from agent.turns.presence import asks_presence
from agent.turns.recording import RecordedBargeIn
from agent.turns.recording_stream import RecordingStream
from agent.turns.report import TurnReport
from dialogue.text.languages import Language
from parley.app.turn_policy import TurnPolicy
from parley.background import ends_within
from parley.clock import monotonic
from parley.room_events import FloorEvent

NATIVE_QUEUE_MS = 600
"""Room in the native queue; `Playout` keeps much less in it."""
NATIVE_WITHIN_S = 5.0
"""Freeing the native source waits for its own thread, which may never end: then it is left."""
CONTESTED_CHECK_S = 0.25
"""How often a contested floor is judged when no sound comes: a microphone may be switched off."""


class Duplex:
    """One call's voice and ear. Make it in the job's event loop, `publish` it in the connected
    room, `join` it with the session, and `aclose` it at the end."""

    def __init__(
        self,
        room: rtc.Room,
        events: RoomEventPublisher,
        *,
        sample_rate_hz: int,
        policy: FloorPolicy,
        words: TurnPolicy | None = None,
        record: bool = False,
    ) -> None:
        """`words`: what speech over the agent's voice means; None: the default. `record`: what
        barge-in is told and decides is sent to the caller."""
        self._room = room
        self._events = events
        self._source = rtc.AudioSource(sample_rate_hz, 1, queue_size_ms=NATIVE_QUEUE_MS)
        self._transcript = HeardTranscript(room)
        self.playout = Playout(
            self._source,
            sample_rate_hz=sample_rate_hz,
            on_heard=self._on_heard,
            on_unheard=self._on_unheard,
        )
        self.line = Line(self.playout, Microphones(room).packets)
        self.playout.may_end = lambda: not self.line.is_doubtful
        room.on("reconnecting", self.line.server_lost)
        room.on("reconnected", self.line.server_found)
        self._recording = RecordingStream(room) if record else None
        self.barge_in = self._barge_in(policy, words)
        self._session: AgentSession[None] | None = None
        self._report: TurnReport | None = None
        self._answering: Answering | None = None
        self._listened_to: asyncio.Task[None] | None = None
        self._checking: asyncio.TimerHandle | None = None
        self.playout.on("playback_started", lambda _: self.barge_in.agent_speaks())
        self.playout.on("playback_finished", self._on_finished)

    async def publish(self) -> None:
        """Publishes the agent's track; it sounds from when somebody listens to it."""
        track = rtc.LocalAudioTrack.create_audio_track("voice", self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        publication = await self._room.local_participant.publish_track(track, options)
        self._transcript.track_id = publication.sid
        self._listened_to = asyncio.create_task(self._start(publication), name="track-subscribed")
        if self._recording is not None:
            self._recording.start()

    def join(self, session: AgentSession[None], report: TurnReport, answering: Answering) -> None:
        """Follows the session, which has not been started yet, and speaks for it."""
        self._session = session
        self._report = report
        self._answering = answering
        answering.show = self._show
        session.output.audio = self.playout
        session.on("agent_state_changed", self._on_agent_state)

    def _show(self, text: str) -> None:
        """Puts on the page what no worker can speak."""
        self._transcript.heard(text)
        self._transcript.ended()

    async def aclose(self) -> None:
        if self._checking is not None:
            self._checking.cancel()
        if self._listened_to is not None:
            self._listened_to.cancel()
            await asyncio.gather(self._listened_to, return_exceptions=True)
        await self.line.aclose()
        await self.playout.aclose()
        await self._transcript.aclose()
        if self._recording is not None:
            await self._recording.aclose()
        close = self._source.aclose
        await ends_within(lambda: asyncio.run(close()), NATIVE_WITHIN_S, name="source")

    def _barge_in(self, policy: FloorPolicy, words: TurnPolicy | None) -> BargeIn:
        if self._recording is None:
            return BargeIn(
                self.playout,
                policy=policy,
                words=words,
                answer_is_awaited=self._answer_is_awaited,
                on_yield=self._cut,
                on_floor=self._on_floor,
            )
        return RecordedBargeIn(
            self.playout,
            policy=policy,
            words=words,
            write=self._recording.write,
            answer_is_awaited=self._answer_is_awaited,
            on_yield=self._cut,
            on_floor=self._on_floor,
        )

    async def _start(self, publication: rtc.LocalTrackPublication) -> None:
        await publication.wait_for_subscription()
        self.playout.start()

    def _on_agent_state(self, event: AgentStateChangedEvent) -> None:
        if event.new_state == "thinking":
            self.barge_in.agent_thinks()
        elif event.new_state == "listening":
            self.barge_in.agent_stops()

    def _on_heard(self, piece: str) -> None:
        self._transcript.heard(piece)
        reply = self._report.sounding if self._report is not None else None
        if reply is not None and self._answering is not None and self._report is not None:
            self._answering.heard(reply, piece)
            self._report.heard(reply)

    def _on_unheard(self, piece: str) -> None:
        self._transcript.unheard(piece)
        reply = self._report.sounding if self._report is not None else None
        if reply is not None and self._answering is not None:
            self._answering.unheard(reply, piece)

    def _on_finished(self, event: PlaybackFinishedEvent) -> None:
        self._transcript.ended()
        if event.interrupted and self._report is not None:
            self._report.reply_cut(heard=event.synchronized_transcript or "")
        self.barge_in.agent_stops()

    def asked_presence(self, text: str) -> None:
        """While they wait for an answer the person has asked whether anybody is there."""
        reply = self._report.sounding if self._report is not None else None
        if reply is not None and self._answering is not None:
            self._answering.asked_presence(reply, text)

    def takes_presence(self, text: str, language: Language) -> bool:
        """Whether what was typed only asks that, into such a wait; then it has been answered."""
        takes = self._answer_is_awaited() and asks_presence(text, language)
        if takes:
            self.asked_presence(text)
        return takes

    def _answer_is_awaited(self) -> bool:
        reply = self._report.sounding if self._report is not None else None
        if reply is None or self._answering is None:
            return False
        return self._answering.is_awaited(reply, audible=self.playout.audible)

    def _on_floor(self, floor: Floor) -> None:
        ago_s = monotonic() - self.barge_in.decided_s  # silencing the voice has taken its time
        self._events.send(FloorEvent(floor=floor.value, at_s=time.time() - ago_s))
        if self._checking is not None:
            self._checking.cancel()
            self._checking = None
        if floor in (Floor.DUCKED, Floor.HELD):
            self._check_later()

    def _check_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._checking = loop.call_later(CONTESTED_CHECK_S, self._check)

    def _check(self) -> None:
        self._check_later()  # first: what is decided now may end the checking
        self.barge_in.time_passes()

    def _cut(self, cut: Cut) -> None:
        """The reply is given up, whether it sounds or is still being made."""
        if self._session is None or self._report is None:
            return
        now_s, now_at = monotonic(), time.time()
        self._report.person_interrupts(
            onset_at_s=None if cut.onset_s is None else now_at - (now_s - cut.onset_s),
            decided_at_s=now_at - (now_s - cut.silenced_s),
        )
        count_silencing(self.playout.silencing, decided_s=cut.silenced_s)
        self._session.interrupt(force=True)
        # The framework would clear it a moment later; until then nothing more may sound.
        self.playout.clear_buffer()
