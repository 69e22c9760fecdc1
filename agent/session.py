"""One call: from the settings to a running conversation in a room."""

import asyncio
import logging
import time
from contextlib import AsyncExitStack

from livekit import rtc
from livekit.agents import (
    NOT_GIVEN,
    AgentSession,
    APIConnectOptions,
    ErrorEvent,
    JobContext,
    TurnHandlingOptions,
    inference,
    room_io,
)
from livekit.agents.voice.agent_session import SessionConnectOptions
from livekit.plugins import openai
from pydantic import ValidationError

from agent import llm as language_model
from agent.conversation import Conversation
from agent.hearing import SAMPLE_RATE_HZ as HEARING_HZ
from agent.hearing import Hearing
from agent.notices import Notices
from agent.speaking import SAMPLE_RATE_HZ as SPEAKING_HZ
from agent.speaking import Speaking
from agent.turn_report import TurnReport
from agent.voices import Voices
from parley.discovery import StaticDiscovery
from parley.errors import SpeechError
from parley.room_events import DispatchMetadata
from parley.settings import OrchestratorSettings
from parley.speech import RecognitionPool, SpeechPool
from parley.telemetry import metrics

FRAME_MS = 20
MAX_TYPED_CHARS = 2000
_NEVER = 1_000_000
"""More errors than a call can have: a part that fails is told of, and the call goes on."""

_PROBLEMS = {
    "stt_error": ("asr_unavailable", "The agent cannot hear right now. You can type instead."),
    "tts_error": ("tts_unavailable", "The agent's voice is not available right now."),
    "llm_error": ("llm_unavailable", "The agent's language model does not answer right now."),
}
_DEAF = "I'm sorry, I can't hear you right now. You can type to me in the meantime."

_log = logging.getLogger(__name__)


class Call:
    """The conversation of one job. `start` it once; the job's end closes it."""

    def __init__(
        self, context: JobContext, settings: OrchestratorSettings, model: openai.LLM
    ) -> None:
        self._context = context
        self._settings = settings
        self._running = AsyncExitStack()
        self._notices = Notices(context.room)
        self._model = model
        self._warming: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Joins the room and greets; returns when the conversation runs."""
        settings, context = self._settings, self._context
        context.add_shutdown_callback(self._end)
        self._count()
        speakers = StaticDiscovery(settings.tts.worker_address)
        speech = await self._running.enter_async_context(SpeechPool(speakers))
        speaking = self._speaking(speech)
        hearing = await self._hearing()
        session = build_session(settings, hearing=hearing, speaking=speaking, model=self._model)
        TurnReport(session, self._notices, hearing=hearing)
        session.on("error", lambda event: self._on_error(session, event))
        session.on("close", lambda _: context.shutdown("the conversation has ended"))
        self._running.push_async_callback(self._notices.aclose)

        agent = Conversation(instructions=settings.agent.instructions)
        options = room_options(settings, self._notices)
        await session.start(
            agent, room=context.room, room_options=options, session_host=False, record=False
        )
        voices = Voices(speech, speakers, speaking)
        voices.serve(context.room)
        await self._use_dispatched_voice(voices)
        if settings.agent.greeting:
            session.say(settings.agent.greeting, allow_interruptions=True)
        self._warming = asyncio.create_task(
            language_model.fill_prompt_cache(
                self._model,
                instructions=settings.agent.instructions,
                greeting=settings.agent.greeting,
            )
        )

    def _speaking(self, pool: SpeechPool) -> Speaking:
        tts = self._settings.tts
        return Speaking(
            pool,
            voice=tts.default_model,
            default_voice=tts.default_model,
            speed=tts.speed,
            first_flush_words=self._settings.turn.first_flush_words,
            session_id=self._context.job.id,
        )

    async def _hearing(self) -> Hearing | None:
        asr = self._settings.asr
        if not asr.enabled:
            return None
        pool = RecognitionPool(StaticDiscovery(asr.worker_address))
        return Hearing(
            await self._running.enter_async_context(pool),
            language=asr.language,
            preflight_silence_s=self._settings.turn.preflight_silence_s,
            session_id=self._context.job.id,
            word_times=asr.adapter == "whisperx",
        )

    async def _use_dispatched_voice(self, voices: Voices) -> None:
        try:
            metadata = DispatchMetadata.model_validate_json(self._context.job.metadata or "{}")
        except ValidationError:
            _log.warning("the dispatch's metadata is not understood: the default voice is used")
            return
        if metadata.voice and metadata.voice != self._settings.tts.default_model:
            try:
                await voices.use(metadata.voice)
            except SpeechError as error:
                self._notices.error("voice_unavailable", str(error))

    def _on_error(self, session: AgentSession[None], event: ErrorEvent) -> None:
        kind = event.error.type
        if kind not in _PROBLEMS or (event.error.recoverable and kind != "stt_error"):
            return
        _log.error("%s: %s", kind, event.error.error)
        told = self._notices.error(*_PROBLEMS[kind])
        if told and kind == "stt_error":
            session.say(_DEAF, add_to_chat_ctx=False)

    def _count(self) -> None:
        began_at = time.monotonic()
        metrics.sessions_active.inc()

        def ended() -> None:
            metrics.sessions_active.dec()
            metrics.session_duration_seconds.observe(time.monotonic() - began_at)

        self._running.callback(ended)

    async def _end(self) -> None:
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        await self._running.aclose()
        await self._model.aclose()


def build_session(
    settings: OrchestratorSettings,
    *,
    hearing: Hearing | None,
    speaking: Speaking,
    model: openai.LLM,
) -> AgentSession[None]:
    """The framework's session; without `hearing` people only type."""
    turn = settings.turn
    handling = TurnHandlingOptions(
        # Pinned: the default asks a cloud service in development.
        turn_detection=inference.TurnDetector(version="v1-mini") if hearing else "manual",
        endpointing={
            "mode": "fixed",
            "min_delay": turn.endpointing_min_delay_s,
            "max_delay": turn.endpointing_max_delay_s,
        },
        interruption={
            "mode": "vad",  # adaptive interruption is a cloud service
            "min_duration": turn.interruption_min_duration_s,
            "resume_false_interruption": True,
            "false_interruption_timeout": 1.0,
        },
        preemptive_generation={"enabled": True, "preemptive_tts": True, "max_retries": 6},
    )
    vad = inference.VAD(
        model="silero",
        min_speech_duration=turn.vad_min_speech_s,
        min_silence_duration=turn.vad_min_silence_s,
    )
    return AgentSession[None](
        stt=hearing or NOT_GIVEN,
        vad=vad if hearing else None,
        llm=model,
        tts=speaking,
        turn_handling=handling,
        use_tts_aligned_transcript=True,
        tts_text_transforms=None,  # `Speaking` has its own, which keep the transcript as written
        aec_warmup_duration=None,  # else the first 3 s of speech could not be interrupted
        user_away_timeout=None,
        conn_options=SessionConnectOptions(
            # The pools have tried every worker before they fail; a full house may clear.
            stt_conn_options=APIConnectOptions(max_retry=_NEVER, retry_interval=0.5),
            tts_conn_options=APIConnectOptions(max_retry=8, retry_interval=0.25),
            llm_conn_options=APIConnectOptions(max_retry=1, retry_interval=0.3, timeout=10.0),
            max_unrecoverable_errors=_NEVER,
        ),
    )


def room_options(settings: OrchestratorSettings, notices: Notices) -> room_io.RoomOptions:
    """How the session meets the room: 20 ms frames in, the worker's own rate out."""

    async def on_text(session: AgentSession[None], event: room_io.TextInputEvent) -> None:
        text = event.text.encode("utf-8", "ignore").decode().strip()
        if len(text) > MAX_TYPED_CHARS:
            notices.error(
                "text_too_long", f"Only the first {MAX_TYPED_CHARS:,} characters were read."
            )
        if text:
            await session.interrupt()
            session.generate_reply(user_input=text[:MAX_TYPED_CHARS], input_modality="text")

    audio_input = room_io.AudioInputOptions(
        sample_rate=HEARING_HZ, num_channels=1, frame_size_ms=FRAME_MS
    )
    return room_io.RoomOptions(
        text_input=room_io.TextInputOptions(text_input_cb=on_text),
        audio_input=audio_input if settings.asr.enabled else False,
        audio_output=room_io.AudioOutputOptions(
            sample_rate=SPEAKING_HZ,
            num_channels=1,
            track_publish_options=rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE),
        ),
    )
