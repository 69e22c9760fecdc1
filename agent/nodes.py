"""The agent's part in a conversation, as the framework's nodes."""

import re
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import (
    Agent,
    FlushSentinel,
    ModelSettings,
    UserInputTranscribedEvent,
    llm,
    stt,
)
from livekit.agents.types import USERDATA_TTS_STARTED_TIME

from agent.answering import Answering
from agent.playout.pacing import USERDATA_PACE, Pace, current_pace
from agent.room.line import Line
from agent.turns.barge_in import BargeIn
from agent.turns.pending_finals import PendingFinals
from agent.turns.report import current_reply
from agent.turns.shared_vad import SharedVAD
from agent.turns.turn_ends import TurnEnds

_WORD = re.compile(r"\w+")
_TRANSCRIPTS = (
    stt.SpeechEventType.INTERIM_TRANSCRIPT,
    stt.SpeechEventType.PREFLIGHT_TRANSCRIPT,
    stt.SpeechEventType.FINAL_TRANSCRIPT,
)


class EngineModel(llm.LLM[str]):
    """What the framework needs to take turns at all; the answers are made in `RoomAgent`."""

    def chat(self, **_: Any) -> llm.LLMStream:
        raise RuntimeError("the engine answers in RoomAgent.llm_node")

    @property
    def model(self) -> str:
        return "engine"

    @property
    def provider(self) -> str:
        return "parley"


class RoomAgent(Agent):
    """Answers as the engine does, and stamps each reply with where its time went.

    What is heard passes barge-in first: frames before they are recognized, and words before the
    framework takes them for a turn.
    """

    def __init__(
        self,
        *,
        answering: Answering,
        barge_in: BargeIn,
        pending_finals: PendingFinals | None = None,
        turn_ends: TurnEnds | None = None,
        line: Line | None = None,
        on_presence: Callable[[str], None] = lambda text: None,
        on_frame: Callable[[rtc.AudioFrame], None] = lambda frame: None,
    ) -> None:
        """`pending_finals` and `turn_ends` of the STT that the session hears with, if it has them;
        `line` and `on_frame` are shown what comes of the person's microphone. `on_presence` is told
        what the person said where they only asked into the wait whether anybody is there."""
        super().__init__(instructions="")
        self._answering = answering
        self._barge_in = barge_in
        self._pending_finals = pending_finals
        self._turn_ends = turn_ends
        self._line = line
        self._on_presence = on_presence
        self._on_frame = on_frame
        self._guess: list[str] | None = None
        """The words that an answer is being made to, while it is not known that they are all."""

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncGenerator[stt.SpeechEvent]:
        if isinstance(self.session.vad, SharedVAD):
            self._barge_in.on_window = self.session.vad.push
        events: AsyncGenerator[Any] = Agent.default.stt_node(
            self, self._heard(audio), model_settings
        )
        said = False
        async for event in events:
            if event.type is stt.SpeechEventType.END_OF_SPEECH:
                if said:  # else the framework would take what is said next for ended
                    yield event
                said = False
            elif event.type not in _TRANSCRIPTS:
                yield event
            elif self._is_turn(event):
                said |= _is_said(event)
                yield self._as_guess(event)
            elif event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
                self._tell_presence(event)
                yield _without_text(event)  # what was flushed is answered: it was nothing

    def _is_turn(self, event: stt.SpeechEvent) -> bool:
        best = event.alternatives[0]
        return self._barge_in.push_transcript(
            best.text,
            confidence=best.confidence,
            final=event.type is stt.SpeechEventType.FINAL_TRANSCRIPT,
        )

    def _as_guess(self, event: stt.SpeechEvent) -> stt.SpeechEvent:
        """The event as the framework is to have it: to a PREFLIGHT it begins an answer, anew where
        one is being made to the same words."""
        text = event.alternatives[0].text
        words = _WORD.findall(text.casefold())
        is_known = words == self._guess
        if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
            self._guess = None
        elif event.type is stt.SpeechEventType.PREFLIGHT_TRANSCRIPT and not is_known:
            self._guess = words
        elif not is_known:  # the framework drops what was made to others
            self._guess = None
            self._answering.hears(text)
        elif event.type is stt.SpeechEventType.PREFLIGHT_TRANSCRIPT:
            return replace(event, type=stt.SpeechEventType.INTERIM_TRANSCRIPT)
        return event

    def _tell_presence(self, event: stt.SpeechEvent) -> None:
        best = event.alternatives[0]
        if self._barge_in.asks_presence(best.text, confidence=best.confidence):
            shown = UserInputTranscribedEvent(transcript=best.text, is_final=True)
            self.session.emit("user_input_transcribed", shown)
            self._on_presence(best.text)

    async def _heard(self, audio: AsyncIterable[rtc.AudioFrame]) -> AsyncGenerator[rtc.AudioFrame]:
        async for frame in audio:
            if self._line is not None:
                self._line.push(frame)
            self._on_frame(frame)
            heard = self._barge_in.push_audio(frame)
            yield heard
            if self._turn_ends is not None:
                self._turn_ends.push_audio(np.frombuffer(heard.data, dtype=np.int16))

    async def on_user_turn_completed(
        self, turn_ctx: llm.ChatContext, new_message: llm.ChatMessage
    ) -> None:
        """Adds what the person had said and recognition had not made yet."""
        if self._pending_finals is None:
            return
        if words := await self._pending_finals.of_turn(self._barge_in.speaks_again()):
            new_message.content = [f"{new_message.text_content or ''} {words}".lstrip()]
            shown = UserInputTranscribedEvent(transcript=words, is_final=True)
            self.session.emit("user_input_transcribed", shown)

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel]:
        """Only the last words of the framework's conversation count: the session has its own."""
        answer = self._answering.answer(current_reply.get(), _last_words(chat_ctx))
        async with aclosing(answer) as pieces:
            async for piece in pieces:
                yield piece

    async def tts_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncGenerator[rtc.AudioFrame]:
        reply = current_reply.get(None)
        begun = reply.utterances.popleft() if reply is not None and reply.utterances else None
        pace = Pace()
        current_pace.set(pace)
        try:
            async for frame in Agent.default.tts_node(self, text, model_settings):
                if begun is not None:
                    begun.set()
                started_at = frame.userdata.get(USERDATA_TTS_STARTED_TIME)
                if reply is not None and reply.tts_first_audio_s is None and started_at:
                    reply.tts_first_audio_s = time.perf_counter() - started_at
                frame.userdata[USERDATA_PACE] = pace
                yield frame
        finally:
            if begun is not None:
                begun.set()


def _last_words(chat_ctx: llm.ChatContext) -> str:
    """What the person said in the turn that is to be answered."""
    for item in reversed(chat_ctx.items):
        if item.type == "message" and item.role == "user":
            return item.raw_text_content or ""
    return ""


def _is_said(event: stt.SpeechEvent) -> bool:
    is_final = event.type is stt.SpeechEventType.FINAL_TRANSCRIPT
    return is_final and bool(event.alternatives[0].text)


def _without_text(event: stt.SpeechEvent) -> stt.SpeechEvent:
    nothing = [replace(data, text="", words=None) for data in event.alternatives[:1]]
    return replace(event, alternatives=nothing)
