"""Where the time of each turn went, told to the room and to the metrics as the reply begins.

Speculation makes stages overlap: a reply is generated from a PREFLIGHT transcript while the turn
detector still waits. Each stage is measured by itself, and all times are wall-clock differences:

- endpointing: the person's last speech → the turn is committed;
- asr: the person's last speech → the transcript that the reply was made from;
- llm_first_token: the model is asked → its first token;
- tts_first_audio: the first text is handed to a speech worker → its first audio;
- total: the person's last speech (or typed text) → the first audio leaves the agent.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    ConversationItemAddedEvent,
    SpeechCreatedEvent,
    llm,
)
from livekit.agents.voice import SpeechHandle
from opentelemetry.trace import SpanContext

from agent.playout.remembered import SpokenScript
from agent.room.events import RoomEventPublisher
from agent.stt import WorkerSTT
from agent.turns.turn_trace import TurnTrace
from parley.records.lines import ResponseBegan, StageTimes
from parley.room_events import InterruptedEvent, TurnEvent, TurnMoments, TurnStages
from parley.telemetry import agent as metrics
from parley.telemetry import tracing

Moment = Literal[
    "pause_noticed", "first_token", "first_clause", "tts_asked", "first_audio", "turn_ended"
]
"""Of TurnMoments, those that are stamped as they happen."""


@dataclass
class Reply:
    """One reply of the agent while it comes into being."""

    handle: SpeechHandle
    answers_person: bool
    created_at: float
    """Wall clock."""
    transcript_at: float | None
    """Wall clock of the transcript that it was made from; None for typed text."""
    trace: SpanContext = field(default_factory=tracing.new_turn)
    """The turn it answers, or of its own where it answers none."""
    turn_id: str = ""
    """Of the turn that it answers, as in the session's log."""
    llm_first_token_s: float | None = None
    tts_first_audio_s: float | None = None
    started: bool = False
    filler_first: bool = False
    """It has begun with a filler, and nothing of the answer has been heard so far."""
    interruption: InterruptedEvent | None = None
    """How the person cut it short, once they have."""
    script: SpokenScript = field(default_factory=SpokenScript)
    heard: str = ""
    """Its transcript, as far as it has sounded."""
    heard_written_s: float = 0.0
    unspoken: str = ""
    """The rest of its transcript, where no worker could speak it."""
    utterances: deque[asyncio.Event] = field(default_factory=deque)
    """Those that have not been given to the voice; each is set once it sounds."""
    hangs_up: bool = False
    """The call ends once it has been heard."""
    was_taken: bool = False
    """It answers a turn that the framework has taken as ended, or none: it is no guess."""
    on_taken: Callable[[], None] = lambda: None
    untold: list[Callable[[], None]] = field(default_factory=list)
    """What the room is told of it once it is no guess any more."""
    moments_s: dict[Moment, float] = field(default_factory=dict)
    """Wall clock of each, once it has happened."""

    def mark(self, moment: Moment) -> None:
        """It happens now; only the first time counts."""
        self.moments_s.setdefault(moment, time.time())

    def begin_utterance(self) -> asyncio.Event:
        """Its text follows. The event is set when it sounds, in a voice that is settled then."""
        sounds = asyncio.Event()
        self.utterances.append(sounds)
        return sounds

    def take(self) -> None:
        if not self.was_taken:
            self.was_taken = True
            self.mark("turn_ended")
            self.on_taken()


current_reply: ContextVar[Reply] = ContextVar("current_reply")
"""The reply that the running task works for: set as the framework creates its speech, so that
the tasks of the speech inherit it."""


class TurnReport:
    """Follows a session's events; one per call."""

    def __init__(
        self,
        session: AgentSession[None],
        events: RoomEventPublisher,
        *,
        hearing: WorkerSTT | None,
        trace: TurnTrace | None = None,
    ) -> None:
        self._trace = trace or TurnTrace()
        self._session = session
        self._events = events
        self._hearing = hearing
        self._replies: dict[str, Reply] = {}
        self._turns = 0
        self._person: llm.MetricsReport = {}
        self.on_response: Callable[[ResponseBegan], None] = lambda response: None
        """Is told when each stage of a response was."""
        session.on("speech_created", self._on_speech_created)
        session.on("conversation_item_added", self._on_item)
        session.on("agent_state_changed", self._on_agent_state)

    def person_typed(self) -> None:
        """The person sent text: what is being said gives way to it."""
        if (reply := self.sounding) is not None:
            reply.interruption = InterruptedEvent()

    def person_interrupts(self, *, onset_at_s: float | None, decided_at_s: float) -> None:
        """The person spoke, and the reply gives way; wall-clock times as in InterruptedEvent."""
        if onset_at_s is not None:
            latency_s = decided_at_s - onset_at_s
            metrics.barge_in_latency_seconds.labels("onset_to_decision").observe(latency_s)
        if (reply := self.sounding) is not None:
            reply.interruption = InterruptedEvent(onset_at_s=onset_at_s, decided_at_s=decided_at_s)

    def reply_cut(self, *, heard: str) -> None:
        """The reply that is being said has ended early; `heard` is what remains of it."""
        reply = self.sounding
        if reply is not None and reply.interruption is not None:
            reply.interruption = reply.interruption.model_copy(update={"heard": heard})

    def heard(self, reply: Reply) -> None:
        """More of the reply's transcript has sounded: where it began with a filler, its answer may
        have begun now."""
        if reply.filler_first and reply.script.answer_has_begun(reply.heard):
            reply.filler_first = False
            self._tell(reply, time.time(), filler=False)

    def reply_of(self, handle: SpeechHandle) -> Reply:
        """The reply that the framework has just made this speech for."""
        return self._replies[handle.id]

    @property
    def sounding(self) -> Reply | None:
        """The reply that is being said."""
        handle = self._session.current_speech
        return self._replies.get(handle.id) if handle is not None else None

    def _on_speech_created(self, event: SpeechCreatedEvent) -> None:
        handle = event.speech_handle
        spoken_to = handle.input_details.modality == "audio"
        reply = Reply(
            handle=handle,
            answers_person=event.source == "generate_reply",
            created_at=time.time(),
            transcript_at=self._hearing.last_transcript_at
            if spoken_to and self._hearing is not None
            else None,
        )
        if reply.answers_person:
            reply.trace = self._trace.next_turn
        if reply.transcript_at is not None and self._hearing is not None:
            reply.moments_s["pause_noticed"] = (
                reply.transcript_at - self._hearing.last_transcript_took_s
            )
        self._replies[handle.id] = reply
        current_reply.set(reply)
        handle.add_done_callback(self._on_reply_done)

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        if item.type != "message" or item.role not in ("user", "assistant"):
            return
        metrics.session_messages.labels(item.role).inc()
        if item.role == "user":
            self._turns += 1
            self._person = item.metrics
            spoke_at_s = item.metrics.get("started_speaking_at")
            self._trace.taken(
                began_at_s=spoke_at_s or item.created_at, spoken=spoke_at_s is not None
            )
            # The framework tells it nowhere else: a reply that was begun on a guess is scheduled.
            for reply in self._replies.values():
                if reply.handle.scheduled:
                    reply.take()

    def _on_agent_state(self, event: AgentStateChangedEvent) -> None:
        reply = self.sounding
        if reply is not None and event.new_state == "speaking" and not reply.started:
            reply.started = True
            self._on_first_audio(reply, event.created_at)

    def _on_first_audio(self, reply: Reply, at: float) -> None:
        if reply.answers_person:
            reply.filler_first = reply.script.begins_with_filler
            self._tell(reply, at, filler=reply.filler_first)

    def _tell(self, reply: Reply, at: float, *, filler: bool) -> None:
        stages = self._stages(reply, at, filler=filler)
        turn = max(self._turns, 1)
        moments = self._moments(reply)
        self._events.send(
            TurnEvent(turn=turn, stages=stages, filler=filler, at_s=at, moments=moments)
        )
        marks = StageTimes(
            **moments.model_dump(),
            spoke_from_s=self._person.get("started_speaking_at")
            if moments.speech_ended_s
            else None,
            sounded_s=at,
        )
        self.on_response(
            ResponseBegan(at_s=at, turn_id=reply.turn_id, filler=filler, stages=stages, marks=marks)
        )

    def _moments(self, reply: Reply) -> TurnMoments:
        spoken = reply.transcript_at is not None
        return TurnMoments(
            speech_ended_s=self._person.get("stopped_speaking_at") if spoken else None,
            text_s=reply.transcript_at,
            begun_s=reply.created_at,
            **{f"{moment}_s": at for moment, at in reply.moments_s.items()},
        )

    def _stages(self, reply: Reply, first_audio_at: float, *, filler: bool) -> TurnStages:
        """Of what is heard first; only an answer is counted in the metrics."""
        silent_at = self._person.get("stopped_speaking_at")
        seconds: dict[str, float | None] = {
            "llm_first_token": reply.llm_first_token_s,
            "tts_first_audio": reply.tts_first_audio_s,
        }
        if reply.transcript_at is not None and silent_at is not None:
            seconds["endpointing"] = self._person.get("end_of_turn_delay")
            seconds["asr"] = max(0.0, reply.transcript_at - silent_at)
            seconds["total"] = first_audio_at - silent_at
            delay_s = seconds["endpointing"]
            self._trace.answered(
                reply.trace,
                silent_at_s=silent_at,
                ended_at_s=None if delay_s is None else silent_at + delay_s,
                transcript_at_s=reply.transcript_at,
                sounds_at_s=first_audio_at,
            )
        measured = {stage: value for stage, value in seconds.items() if value is not None}
        for stage, value in () if filler else measured.items():
            metrics.turn_latency_seconds.labels(stage).observe(value)
        if reply.transcript_at is None:  # typed: what counts is the time from the text on
            measured["total"] = first_audio_at - reply.created_at
        return TurnStages(**{f"{s}_ms": round(1000 * value, 1) for s, value in measured.items()})

    def _on_reply_done(self, handle: SpeechHandle) -> None:
        reply = self._replies.pop(handle.id)
        if reply.was_taken:
            self._trace.ended(reply.trace, interrupted=handle.interrupted)
        if handle.interrupted and reply.started and reply.interruption is not None:
            metrics.session_barge_ins.inc()
            self._events.send(reply.interruption)
