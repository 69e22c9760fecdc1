"""One call: from a job to a running conversation in its room, and its end."""

import asyncio
import logging
import time
from contextlib import AsyncExitStack

from livekit.agents import JobContext
from openai import AsyncOpenAI
from pydantic import ValidationError

from agent.duplex import Duplex
from agent.llm import build_llm, fill_prompt_cache
from agent.nodes import RoomAgent
from agent.room.events import RoomEventPublisher
from agent.room.problems import tell_problems
from agent.room.text_input import TypedText
from agent.room.voices import Voices
from agent.session import build_session, floor_policy, room_options
from agent.stt import WorkerSTT
from agent.tts import SAMPLE_RATE_HZ as SPEAKING_HZ
from agent.tts import WorkerTTS
from agent.turns.report import TurnReport
from parley.errors import SpeechError
from parley.room_events import DispatchMetadata
from parley.settings import OrchestratorSettings
from parley.speech import SpeechPool
from parley.speech.configured import recognition_pool, speech_pool
from parley.telemetry import metrics

_log = logging.getLogger(__name__)


class Call:
    """The conversation of one job. `start` it once; the job's end closes it."""

    def __init__(
        self, context: JobContext, settings: OrchestratorSettings, client: AsyncOpenAI
    ) -> None:
        """`client` asks the language model; the call closes it."""
        self._context = context
        self._settings = settings
        self._running = AsyncExitStack()
        self._events = RoomEventPublisher(context.room)
        self._client = client
        self._warming: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Joins the room and greets; returns when the conversation runs."""
        settings, context = self._settings, self._context
        wishes = self._wishes()
        context.add_shutdown_callback(self._end)
        self._count()
        speech = await self._running.enter_async_context(speech_pool(settings))
        speaking = self._speaking(speech)
        hearing = await self._hearing()
        model = build_llm(settings, self._client)
        session = build_session(settings, hearing=hearing, speaking=speaking, model=model)
        report = TurnReport(session, self._events, hearing=hearing)
        duplex = self._duplex(record=wishes.record)
        duplex.join(session, report)
        tell_problems(session, self._events, rate_hz=SPEAKING_HZ)
        session.on("close", lambda _: context.shutdown("the conversation has ended"))
        self._running.push_async_callback(self._events.aclose)

        await context.connect()
        await duplex.publish()
        agent = RoomAgent(
            instructions=settings.agent.instructions,
            barge_in=duplex.barge_in,
            pending_finals=hearing.pending_finals if hearing is not None else None,
        )
        options = room_options(settings, on_text=TypedText(self._events, report))
        await session.start(
            agent, room=context.room, room_options=options, session_host=False, record=False
        )
        session.output.transcription = None  # what is heard is written, not what is made
        voices = Voices(speech, speech.roster.discovery, speaking)
        voices.serve(context.room)
        if wishes.voice and wishes.voice != settings.tts.default_model:
            await self._use_voice(voices, wishes.voice)
        if settings.agent.greeting:
            session.say(settings.agent.greeting, allow_interruptions=True)
        if settings.llm_is_local:
            self._warming = asyncio.create_task(fill_prompt_cache(self._client, settings))

    def _wishes(self) -> DispatchMetadata:
        try:
            return DispatchMetadata.model_validate_json(self._context.job.metadata or "{}")
        except ValidationError:
            _log.warning("the dispatch's metadata is not understood: the defaults are used")
            return DispatchMetadata()

    def _duplex(self, *, record: bool) -> Duplex:
        duplex = Duplex(
            self._context.room,
            self._events,
            sample_rate_hz=SPEAKING_HZ,
            policy=floor_policy(self._settings.turn),
            record=record,
        )
        self._running.push_async_callback(duplex.aclose)
        return duplex

    def _speaking(self, pool: SpeechPool) -> WorkerTTS:
        tts = self._settings.tts
        return WorkerTTS(
            pool,
            voice=tts.default_model,
            default_voice=tts.default_model,
            speed=tts.speed,
            first_flush_words=self._settings.turn.first_flush_words,
            session_id=self._context.job.id,
        )

    async def _hearing(self) -> WorkerSTT | None:
        asr = self._settings.asr
        if not asr.enabled:
            return None
        pool = recognition_pool(self._settings)
        return WorkerSTT(
            await self._running.enter_async_context(pool),
            language=asr.language,
            preflight_silence_s=self._settings.turn.preflight_silence_s,
            session_id=self._context.job.id,
            word_times=asr.adapter == "whisperx",
        )

    async def _use_voice(self, voices: Voices, voice: str) -> None:
        try:
            await voices.use(voice)
        except SpeechError as error:
            self._events.error("voice_unavailable", str(error))

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
        await self._client.close()
