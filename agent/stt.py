"""What the person says: the framework's STT over the recognition workers."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    NOT_GIVEN,
    APIConnectionError,
    APIConnectOptions,
    LanguageCode,
    NotGivenOr,
    stt,
)
from livekit.agents.types import TimedString
from livekit.agents.utils import AudioBuffer

from agent.turns.pending_finals import PendingFinals
from agent.turns.turn_ends import TurnEnds
from agent.turns.unanswered import UnansweredSpeech
from parley.clock import monotonic
from parley.errors import SpeechError
from parley.speech import (
    FlushMark,
    RecognitionPool,
    RecognitionRequest,
    Transcript,
    TranscriptKind,
)
from parley.telemetry import agent as metrics
from parley.telemetry.tracing import no_trace

SAMPLE_RATE_HZ = 16000
MESSAGE_BYTES = 2 * SAMPLE_RATE_HZ * 64 // 1000
"""64 ms, two of the session's frames: a message costs more than its audio."""
RECONNECT_S = 0.5
"""Pause before the workers are asked again after the pool gave up."""

_EVENTS = {
    TranscriptKind.PARTIAL: stt.SpeechEventType.INTERIM_TRANSCRIPT,
    TranscriptKind.PREFLIGHT: stt.SpeechEventType.PREFLIGHT_TRANSCRIPT,
    TranscriptKind.FINAL: stt.SpeechEventType.FINAL_TRANSCRIPT,
}
_SHOWN = (TranscriptKind.PARTIAL, stt.SpeechEventType.INTERIM_TRANSCRIPT)
"""What no answer is made from."""

_log = logging.getLogger(__name__)


class WorkerSTT(stt.STT[str]):
    """Streams the caller's audio to a recognition worker for as long as the call lasts.

    The worker decodes a FINAL when it is told that the turn has ended, in audio order: by the
    framework, whose turn detector decides, or by `turn_ends`. Then the framework is told of the
    end of the turn once its FINAL is there.
    """

    def __init__(
        self,
        pool: RecognitionPool,
        *,
        language: str,
        preflight_silence_s: float,
        session_id: str = "",
        word_times: bool = False,
        ends_turns: bool = False,
        traceparent: Callable[[], str] = no_trace,
    ) -> None:
        """`ends_turns`: the framework is told where turns end, by `turn_ends`, to be set before
        anything is heard. `traceparent`: of the turn that what is heard now belongs to."""
        super().__init__(
            capabilities=stt.STTCapabilities(
                streaming=True,
                interim_results=True,
                aligned_transcript="word" if word_times else "chunk",
                offline_recognize=False,
                manual_flush=True,
            )
        )
        self.pool = pool
        self.request = RecognitionRequest(
            sample_rate_hz=SAMPLE_RATE_HZ,
            language=language,
            session_id=session_id,
            interim_results=True,
            word_times=word_times,
            preflight_silence_s=preflight_silence_s,
            turn_sound=ends_turns,
            traceparent=traceparent,
        )
        self.ends_turns = ends_turns
        self.turn_ends: TurnEnds | None = None
        self._stream: _WorkerSTTStream | None = None
        self._heard_by = ""
        self.last_transcript_at: float | None = None
        """Wall clock of the last text that a reply could be made from."""
        self.last_transcript_took_s = 0.0
        """How long before it recognition had begun to read it."""
        self.pending_finals = PendingFinals()
        self.on_words: Callable[[str], None] = lambda text: None
        """Told what was said by a pause, or as a whole, before the framework is."""
        self.on_back: Callable[[str], None] = lambda text: None
        """Told that it hears again after it could not, and what it heard of the time before."""

    @property
    def model(self) -> str:
        """The one that heard last; "unknown" before anything was heard."""
        return self._heard_by or "unknown"

    @property
    def provider(self) -> str:
        return "parley"

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> stt.RecognizeStream:
        self.pending_finals.lost()  # of an earlier stream
        self._stream = _WorkerSTTStream(self, conn_options=conn_options)
        return self._stream

    def guess(self) -> None:
        """An answer to what was said before the pause may be begun."""
        if self._stream is not None:
            self._stream.guess()

    def heard(self, transcript: Transcript) -> None:
        self._heard_by = transcript.model

    def end_turn(self) -> None:
        """What has been said so far is a whole turn."""
        if self._stream is not None:
            self._stream.flush()

    async def _recognize_impl(
        self,
        buffer: AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        raise NotImplementedError("this STT only streams")


class _WorkerSTTStream(stt.RecognizeStream):
    def __init__(self, hearing: WorkerSTT, *, conn_options: APIConnectOptions) -> None:
        super().__init__(stt=hearing, conn_options=conn_options, sample_rate=SAMPLE_RATE_HZ)
        self._hearing = hearing
        self._flushes = 0
        self._flushed_s: dict[int, float] = {}
        """When the turns ended whose FINAL is owed."""
        self._unanswered = UnansweredSpeech(SAMPLE_RATE_HZ)
        self._back_with: int | None = None
        """The flush whose FINAL shows that it hears again, where it could not."""
        self._partial = ""
        self._pause: Transcript | None = None
        """Of which no answer was begun."""
        self._language = LanguageCode(hearing.request.language or "en")

    def flush(self) -> None:
        super().flush()
        self._hearing.pending_finals.asked()

    def guess(self) -> None:
        """See WorkerSTT."""
        if self._pause is not None:
            self._send(stt.SpeechEventType.PREFLIGHT_TRANSCRIPT, self._pause)
            self._pause = None

    async def _run(self) -> None:
        """Listens until the input ends, whatever becomes of the workers."""
        while not (self._input_ch.closed and self._input_ch.empty()):
            heard = self._unanswered.kept_of(self._audio())
            listening = self._hearing.pool.recognize(self._hearing.request, heard)
            try:
                async with aclosing(listening) as transcripts:
                    async for transcript in transcripts:
                        self._hearing.heard(transcript)
                        self._unanswered.answered(transcript)
                        self._emit(transcript)
            except SpeechError as error:
                self._hearing.pending_finals.lost()
                metrics.recognition_errors_total.inc()
                self._finish_later()
                # Recoverable, so that the session stays: the person is told and may type.
                self._emit_error(APIConnectionError(str(error)), recoverable=True)
                _log.warning("recognition is not available: %s", error)
                await asyncio.sleep(RECONNECT_S)

    def _finish_later(self) -> None:
        """What was said before the workers went away is answered by the first that is back."""
        if self._back_with is None:
            self._flushes += 1
            self._back_with = self._flushes
            self._unanswered.add(FlushMark(self._flushes))

    async def _audio(self) -> AsyncIterator[bytes | FlushMark]:
        pcm = b""
        async for item in self._input_ch:
            if isinstance(item, self._FlushSentinel):
                self._flushes += 1
                self._flushed_s[self._flushes] = monotonic()
                if pcm:
                    yield pcm
                yield FlushMark(self._flushes)
                pcm = b""
                continue
            pcm += item.data.tobytes()
            if len(pcm) >= MESSAGE_BYTES:
                yield pcm
                pcm = b""
        if pcm:
            yield pcm

    def _emit(self, transcript: Transcript) -> None:
        text = transcript.text
        if transcript.kind is not TranscriptKind.FINAL:
            if not text:
                return
            self._partial = text
        elif not text and self._partial:
            # Nothing was said after all: what the page showed in the meantime is withdrawn.
            self._send(stt.SpeechEventType.INTERIM_TRANSCRIPT, transcript)
        if transcript.kind is not TranscriptKind.PARTIAL:
            self._hearing.on_words(text)
        turn_ends = self._hearing.turn_ends
        kind = self._kind(transcript, turn_ends)
        if text and (transcript.kind, kind) != _SHOWN:
            self._hearing.last_transcript_at = time.time()
            self._hearing.last_transcript_took_s = transcript.decode_s
        pending_finals = self._hearing.pending_finals
        if transcript.kind is TranscriptKind.FINAL:
            self._partial = ""
            taken = pending_finals.take(text)
            if transcript.flush_id:
                pending_finals.answered()
                self._measure(transcript.flush_id)
            self._is_back(transcript)
            if taken:
                return
        elif pending_finals.awaited:  # only shown: the reply is to be to the whole turn
            kind = stt.SpeechEventType.INTERIM_TRANSCRIPT
            self._pause = None
        self._send(kind, transcript)
        if turn_ends is not None and transcript.flush_id and turn_ends.is_over:
            ended_at_s = time.time() - turn_ends.silence_s
            self._event_ch.send_nowait(
                stt.SpeechEvent(type=stt.SpeechEventType.END_OF_SPEECH, speech_end_time=ended_at_s)
            )

    def _measure(self, flush_id: int) -> None:
        """FINALs come in the order of their turns: what was owed before is not owed any more."""
        flushed_s = self._flushed_s.pop(flush_id, None)
        self._flushed_s = {owed: at for owed, at in self._flushed_s.items() if owed > flush_id}
        if flushed_s is not None:
            metrics.recognition_latency_seconds.observe(monotonic() - flushed_s)

    def _kind(self, transcript: Transcript, turn_ends: TurnEnds | None) -> stt.SpeechEventType:
        """As what the framework is told of it: to a PREFLIGHT it has an answer begun."""
        self._pause = None
        if turn_ends is None or transcript.kind is TranscriptKind.FINAL:
            return _EVENTS[transcript.kind]
        if transcript.kind is TranscriptKind.PARTIAL:
            is_guess = turn_ends.push_partial(transcript.text)
        else:
            is_guess = turn_ends.push_preflight(transcript.text, transcript.sounds_finished)
            self._pause = None if is_guess else transcript
        if is_guess:
            return stt.SpeechEventType.PREFLIGHT_TRANSCRIPT
        return stt.SpeechEventType.INTERIM_TRANSCRIPT

    def _is_back(self, final: Transcript) -> None:
        if self._back_with is not None and final.flush_id == self._back_with:
            self._back_with = None
            _log.info("recognition is available again")
            self._hearing.on_back(final.text)

    def _send(self, kind: stt.SpeechEventType, transcript: Transcript) -> None:
        offset_s = self.start_time_offset
        data = stt.SpeechData(
            language=LanguageCode(transcript.language) if transcript.language else self._language,
            text=transcript.text,
            start_time=transcript.start_s + offset_s,
            end_time=transcript.end_s + offset_s,
            confidence=transcript.confidence,
            words=[
                TimedString(
                    word.word,
                    start_time=word.start_s + offset_s,
                    end_time=word.end_s + offset_s,
                    confidence=word.confidence,
                    start_time_offset=offset_s,
                )
                for word in transcript.words
            ]
            or None,
        )
        self._event_ch.send_nowait(stt.SpeechEvent(type=kind, alternatives=[data]))
