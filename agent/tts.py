"""What the agent says: the framework's TTS over the speech workers.

A reply is one utterance: one Synthesize call, whose texts are the stretches that the segmenter
cuts from the model's tokens, said as the spoken-text rules say them. The transcript keeps the
text as written, timed by the words that are heard.
"""

import asyncio
import logging
import math
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    APIConnectionError,
    APIConnectOptions,
    APIError,
    APIStatusError,
    tts,
)
from livekit.agents.types import TimedString
from livekit.agents.utils.aio import ChanClosed

from agent.playout.pacing import Pace, current_pace
from agent.playout.remembered import after_letters
from agent.playout.stretches import ReplyStretches
from agent.synthesis_metrics import SynthesisMeter
from agent.turns.report import Moment, current_reply
from dialogue.text.alignment import TimedText, align
from dialogue.text.languages import Language
from dialogue.text.languages.english import LANGUAGE as ENGLISH
from dialogue.text.segmenter import ClauseSegmenter
from dialogue.text.spoken import SpokenText, TextSpeaker, within
from parley.errors import (
    InvalidSpeechRequestError,
    SpeechError,
    VoiceNotFoundError,
)
from parley.speech import (
    AudioChunk,
    SpeechEvent,
    SpeechPool,
    SynthesisRequest,
    SynthesisStarted,
    SynthesisWords,
    TextSpoken,
)
from parley.telemetry import tracing

SAMPLE_RATE_HZ = 24000
"""Of the answered audio and of the agent's track: nothing is resampled in the job process."""
MAX_REPLY_CHARS = 10_000
"""Some ten minutes of speech: whatever writes more is not in a conversation."""

_log = logging.getLogger(__name__)


class WorkerTTS(tts.TTS[str]):
    """Speaks through the pool in one voice, which may be changed between replies."""

    def __init__(
        self,
        pool: SpeechPool,
        *,
        voice: str,
        default_voice: str,
        speed: float,
        first_flush_words: int,
        language: Language = ENGLISH,
        session_id: str = "",
    ) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=SAMPLE_RATE_HZ,
            num_channels=1,
        )
        self.pool = pool
        self.voice = voice
        self.default_voice = default_voice
        self.speed = speed
        self.first_flush_words = first_flush_words
        self.language = language
        """Of the texts; may be changed between replies, as the voice may."""
        self.session_id = session_id
        self.on_started: Callable[[SynthesisStarted], None] = lambda event: None
        """Is told which worker has taken an utterance."""

    @property
    def model(self) -> str:
        return self.voice

    @property
    def provider(self) -> str:
        return "parley"

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return self._synthesize_with_stream(text, conn_options=conn_options)

    def stream(
        self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.SynthesizeStream:
        return _WorkerTTSStream(self, conn_options=conn_options)

    def next_request(self) -> SynthesisRequest:
        """How the next reply is spoken, with randomness of its own."""
        return SynthesisRequest(
            voice=self.voice,
            sample_rate_hz=SAMPLE_RATE_HZ,
            speed=self.speed,
            session_id=self.session_id,
            seed=random.getrandbits(32),
        )


@dataclass
class _Script:
    """What a reply says, stretch by stretch; keeps the transcript that is still pending."""

    segmenter: ClauseSegmenter
    speaker: TextSpeaker
    _sent: list[SpokenText] = field(default_factory=list)
    _leads: list[str] = field(default_factory=list)
    """Before each sent stretch: text of which nothing is said."""
    _silent: str = ""
    _timed: int = 0

    def admit(self, stretches: list[str]) -> list[str]:
        """The texts to send for these stretches."""
        texts = []
        for spoken in (piece for each in stretches for piece in within(self.speaker.speak(each))):
            if spoken.words:
                self._sent.append(spoken)
                self._leads.append(self._silent)
                self._silent = ""
                texts.append(spoken.text)
            else:
                self._silent += spoken.readable
        return texts

    def timed(self, words: SynthesisWords) -> list[TimedString]:
        """The transcript of the text that `words` belong to; nothing when it is told again.

        Another worker that goes on with a voice tells its words anew.
        """
        if words.text_index < self._timed:
            return []
        pieces = [TimedString(self._leads[words.text_index])]
        pieces += map(_timed_string, align(self._sent[words.text_index], words.words))
        self._timed = words.text_index + 1
        return [piece for piece in pieces if piece]

    def untold(self, text: str) -> str:
        """What of the reply's whole text no words came of."""
        told = self._timed and self._leads[: self._timed] + [
            spoken.readable for spoken in self._sent[: self._timed]
        ]
        return after_letters(text, "".join(told or ()))

    def rest(self) -> list[TimedString]:
        """The transcript of which no words came."""
        untimed = zip(self._leads[self._timed :], self._sent[self._timed :], strict=True)
        pieces = [TimedString(lead + spoken.readable) for lead, spoken in untimed]
        return [piece for piece in (*pieces, TimedString(self._silent)) if piece]


class _WorkerTTSStream(tts.SynthesizeStream):
    def __init__(self, speaking: WorkerTTS, *, conn_options: APIConnectOptions) -> None:
        super().__init__(tts=speaking, conn_options=conn_options)
        self._speaking = speaking
        self._reply = current_reply.get(None)
        pace: Pace | None = current_pace.get(None)
        self._pace = pace or Pace(ahead_s=math.inf)
        self._pace.chars_per_s = speaking.language.chars_per_s

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        request = self._speaking.next_request()
        output_emitter.initialize(
            request_id=request.utterance_id,
            sample_rate=SAMPLE_RATE_HZ,
            num_channels=1,
            mime_type="audio/pcm",
            stream=True,
        )
        output_emitter.start_segment(segment_id=request.utterance_id)
        language = self._speaking.language
        script = _Script(
            ClauseSegmenter(self._speaking.first_flush_words, language), TextSpeaker(language)
        )
        async with aclosing(self._texts(script)) as texts:
            if (first := await anext(texts, None)) is None:
                output_emitter.push(bytes(2 * SAMPLE_RATE_HZ // 50))  # nothing to say: 20 ms
            else:
                self._mark_started()
                self._mark("tts_asked")
                # Who speaks, and in which voice, may only be known since there are words.
                request = replace(request, voice=self._speaking.voice)
                await self._speak(request, _chained(first, texts), script, output_emitter)
        output_emitter.push_timed_transcript(script.rest())
        output_emitter.end_segment()

    async def _speak(
        self,
        request: SynthesisRequest,
        texts: AsyncGenerator[str],
        script: _Script,
        output_emitter: tts.AudioEmitter,
    ) -> None:
        fallback = self._speaking.default_voice
        parent = self._reply.trace if self._reply is not None else None
        attributes = {"parley.voice": request.voice}
        span = tracing.begin("speak", parent=parent, attributes=attributes)
        request = replace(request, traceparent=tracing.traceparent(span.get_span_context()))
        speech = self._speaking.pool.synthesize(request, texts, fallback_voice=fallback)
        try:
            with SynthesisMeter(request.voice) as meter:
                async with aclosing(speech) as events:
                    async for event in events:
                        self._pass_on(event, meter, script, output_emitter)
        except SpeechError as error:
            tracing.failed(span, type(error).__name__)
            self._pace.given_up()
            _log.warning("speech is not available: %s", error)
            await self._keep_for_reading(script)
            raise _as_api_error(error) from error
        finally:
            span.end()

    def _pass_on(
        self,
        event: SpeechEvent,
        meter: SynthesisMeter,
        script: _Script,
        output_emitter: tts.AudioEmitter,
    ) -> None:
        match event:
            case SynthesisStarted():
                meter.started(event)
                self._speaking.on_started(event)
            case SynthesisWords():
                output_emitter.push_timed_transcript(script.timed(event))
            case AudioChunk():
                meter.audio()
                self._mark("first_audio")
                self._pace.made(len(event.samples) / SAMPLE_RATE_HZ)
                output_emitter.push(event.samples.tobytes())
            case TextSpoken():
                self._pace.spoken()

    async def _keep_for_reading(self, script: _Script) -> None:
        """Waits for the end of the text: what nobody can say can be read."""
        async for _ in self._input_ch:
            pass
        if self._reply is not None:
            self._reply.unspoken = script.untold(self._pushed_text)

    async def _texts(self, script: _Script) -> AsyncGenerator[str]:
        """The texts of the reply, as soon as its tokens make them up and they are wanted."""
        left = MAX_REPLY_CHARS
        stretches = ReplyStretches(script.segmenter, self._speaking.language)
        while True:
            try:
                async with asyncio.timeout(stretches.wait_s):
                    token = await self._input_ch.recv()
            except TimeoutError:
                due = stretches.waited()
            except ChanClosed:
                break
            else:
                if isinstance(token, self._FlushSentinel):
                    break
                # Lone surrogates are no text: nothing could be sent of them.
                text = token.encode("utf-8", "ignore").decode()[:left]
                left -= len(text)
                due = stretches.wrote(text)
            for text in script.admit(due):
                self._mark("first_clause")
                yield await self._wanted(text)
                stretches.spoke(text)
        if not left:
            _log.warning("a reply was cut at %d characters", MAX_REPLY_CHARS)
        for text in script.admit(stretches.finish()):
            self._mark("first_clause")
            yield await self._wanted(text)

    def _mark(self, moment: Moment) -> None:
        if self._reply is not None:
            self._reply.mark(moment)

    async def _wanted(self, text: str) -> str:
        speaking = self._speaking
        await self._pace.wanted(takes_s=speaking.pool.soonest_s(voice=speaking.voice))
        self._pace.asked(text)
        return text


async def _chained(first: str, rest: AsyncGenerator[str]) -> AsyncGenerator[str]:
    yield first
    async for text in rest:
        yield text


def _timed_string(piece: TimedText) -> TimedString:
    if piece.start_sample is None or piece.end_sample is None:
        return TimedString(piece.text)
    return TimedString(
        piece.text,
        start_time=piece.start_sample / SAMPLE_RATE_HZ,
        end_time=piece.end_sample / SAMPLE_RATE_HZ,
    )


def _as_api_error(error: SpeechError) -> APIError:
    """The pool has tried what there is, for as long as it is worth: nobody asks again."""
    if isinstance(error, InvalidSpeechRequestError | VoiceNotFoundError):
        return APIStatusError(str(error), status_code=400, retryable=False)
    return APIConnectionError(str(error), retryable=False)
