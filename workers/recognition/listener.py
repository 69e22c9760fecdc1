"""Listening to one speaker: sound in, transcripts out, as soon as they are worth something."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from parley.clock import monotonic
from parley.rpc.v1 import recognition_pb2 as pb
from parley.telemetry import tracing
from workers.engines.asr_engine import SAMPLE_RATE_HZ, DecodeRequest, FloatSamples
from workers.recognition.decoder import Decoder, Job, Urgency
from workers.recognition.pause_sound import PauseSound
from workers.recognition.segment import Extent, SpeechSegment
from workers.recognition.turn import SpokenTurn, TurnText
from workers.recognition.voice_activity import WINDOW_SAMPLES, VoiceActivity
from workers.serving.errors import deadline_exceeded

PARTIAL_EVERY_S = 0.6
"""New speech after which the text so far is worth a decode."""
BEGUN_EVERY_S = 0.25
"""The same where the engine begins from what it made of the sound so far: then each decode shortens
the next, and the one at the pause most of all."""
DEFAULT_PREFLIGHT_SILENCE_S = 0.06

_DETECTOR_LAG_S = 0.064
"""Silence that has already passed, at least, when the first window without a voice is known."""
_PARTIAL_SHARE = 3
"""New speech must have taken so many times as long as the last answer: a long segment is decoded
less often, and so is every one while many speak."""
_PREFLIGHT_SHARE = 0.4
"""A pause must be so long, in last decodes: on a busy machine one within a sentence is decoded,
and answered, for nothing."""
_UNDECODED_SAMPLES = 10 * SAMPLE_RATE_HZ
"""Beyond it no more sound is taken while several segments wait: who speaks in real time never
gets there, a recording sent at once is held up."""
_MOST_TURNS = 8

Send = Callable[[pb.Transcript], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class ListenerOptions:
    """What the speaker's client asked for."""

    language: str
    hints: str = ""
    interim_results: bool = True
    word_times: bool = False
    preflight_silence_s: float = DEFAULT_PREFLIGHT_SILENCE_S

    @property
    def preflight_samples(self) -> int:
        windows = round((self.preflight_silence_s - _DETECTOR_LAG_S) * SAMPLE_RATE_HZ)
        return max(1, 1 + windows // WINDOW_SAMPLES) * WINDOW_SAMPLES


class Listener:
    """`push_audio`, `flush` and `end` take what the client sends, `run` sends transcripts.

    One decode at a time: the oldest turn's, there what has ended first, else a PREFLIGHT when
    the speaker pauses, else a PARTIAL.
    """

    def __init__(
        self,
        decoder: Decoder,
        activity: VoiceActivity,
        options: ListenerOptions,
        send: Send,
        pause_sound: PauseSound | None = None,
    ) -> None:
        """`pause_sound` tells how finished the turn sounds; None: that is not wanted."""
        self._decoder = decoder
        self._activity = activity
        self._options = options
        self._send = send
        self._pause_sound = pause_sound
        self._turns = [SpokenTurn(SpeechSegment(0))]
        self._windows_until = 0
        self._has_ended = False
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._last_decode_s = self._last_answer_s = 0.0
        self._sent_text = ""
        self._sent_preflight = ("", 0.0)

    async def push_audio(self, samples: FloatSamples) -> None:
        """Takes sound at 16 kHz; returns when there is room for more."""
        for start in range(0, len(samples), WINDOW_SAMPLES):
            turn, piece = self._turns[-1], samples[start : start + WINDOW_SAMPLES]
            turn.append(piece)
            if self._pause_sound is not None:
                self._pause_sound.push_audio(piece)
            for probability in self._activity.push_audio(piece):
                turn.add_window(self._windows_until, float(probability))
                self._windows_until += WINDOW_SAMPLES
            if turn.is_long and turn.open.voiced_from is None:
                await self.flush(0)
            self._changed.set()
            await self._until_there_is_room()

    def belongs_to(self, traceparent: str) -> None:
        """What comes from now on is of this trace."""
        self._turns[-1].traceparent = traceparent

    async def flush(self, flush_id: int, *, within_s: float | None = None) -> None:
        """The turn has ended here; a FINAL that would begin to be decoded later than `within_s`
        from now is not wanted any more, and `run` raises."""
        rest = self._turns[-1].end(flush_id, at=monotonic(), within_s=within_s)
        if self._pause_sound is not None:
            self._pause_sound.turn_ended()
        self._turns.append(SpokenTurn(rest))
        self._changed.set()
        await self._until_there_is_room()

    async def end(self) -> None:
        """No more will come: what is left is flushed, then `run` returns."""
        if self._turns[-1].has_sound:
            await self.flush(0)
        self._has_ended = True
        self._changed.set()

    async def run(self) -> None:
        """Decodes and sends until the end; raises what the engine raised."""
        try:
            await self._decode_and_send()
        finally:
            if self._pause_sound is not None:
                self._pause_sound.forget()

    async def _decode_and_send(self) -> None:
        while True:
            turn = self._turns[0]
            if turn.flush_id is not None and turn.pending is None:
                await self._send_final(turn)
                continue
            if turn.flush_id is None and self._options.interim_results:
                await self._send_interim(turn)
            if (wanted := self._wanted()) is not None:
                await self._decode(turn, *wanted)
            elif self._has_ended and len(self._turns) == 1:
                return
            else:
                self._changed.clear()
                await self._changed.wait()

    def _wanted(self) -> tuple[SpeechSegment, Urgency] | None:
        """What is best decoded now."""
        turn = self._turns[0]
        if (pending := turn.pending) is not None:
            hurry = turn.flush_id is not None or self._is_full
            return pending, Urgency.FINAL if hurry else Urgency.PREFLIGHT
        segment = turn.open
        if not self._options.interim_results or segment.is_decoded or not segment.is_voiced:
            return None
        if segment.pause_samples >= self._preflight_samples:
            return segment, Urgency.PREFLIGHT
        begun = segment.decoded is not None and segment.decoded.tokens
        every_s = BEGUN_EVERY_S if begun else PARTIAL_EVERY_S
        enough_s = max(every_s, _PARTIAL_SHARE * self._last_answer_s)
        if segment.voiced_samples - segment.tried_samples >= enough_s * SAMPLE_RATE_HZ:
            return segment, Urgency.PARTIAL
        return None

    async def _decode(self, turn: SpokenTurn, segment: SpeechSegment, urgency: Urgency) -> None:
        """Decodes the segment, unless something else becomes more important."""
        extent = segment.extent

        def take_request() -> DecodeRequest:
            nonlocal extent
            if monotonic() > turn.answer_by:
                raise deadline_exceeded(
                    "the time is over in which the FINAL was wanted", reason="FINAL_TOO_LATE"
                )
            extent = segment.extent
            if self._pause_sound is not None and segment.pause_samples >= self._preflight_samples:
                self._pause_sound.ask(segment.voiced_until)
            segment.tried_samples = segment.voiced_samples
            return DecodeRequest(
                samples=segment.sound,
                voice=segment.voice,
                language=self._options.language,
                hints=self._options.hints,
                word_times=self._options.word_times,
                voiced_until_s=segment.sound_voiced_until_s,
                earlier=segment.decoded,
            )

        asked_at, asked_at_s = monotonic(), time.time()
        renews = segment.decoded is not None
        job = self._decoder.submit(take_request, urgency, renews=renews)
        job.result.add_done_callback(lambda _: self._changed.set())
        try:
            while not job.result.done():
                self._changed.clear()
                await self._changed.wait()
                if not job.result.done() and not self._is_worth_waiting(job, segment, extent):
                    return
            decoded = job.result.result()
        finally:
            self._decoder.cancel(job)
        _trace(job, turn.traceparent, asked_at_s)
        self._last_decode_s, self._last_answer_s = job.decode_s, monotonic() - asked_at
        if decoded is not None:
            segment.decoded = decoded
            segment.decoded_extent = extent if job.is_settled else Extent(0, 0)
            turn.forget_decoded()
            self._room.set()

    def _is_worth_waiting(self, job: Job, segment: SpeechSegment, extent: Extent) -> bool:
        """Whether the decode is still what is wanted most; says how urgent it is by now."""
        wanted = self._wanted()
        if job.has_begun and (wanted is None or wanted[1] is Urgency.PARTIAL):
            return True
        if wanted is None or wanted[0] is not segment:
            return False
        if job.has_begun and not segment.is_covered_by(extent):
            return False
        self._decoder.set_urgency(job, wanted[1])
        return True

    async def _send_interim(self, turn: SpokenTurn) -> None:
        """Sends what is new: PREFLIGHT once all that was said before a pause is decoded."""
        text = turn.text()
        if not text.text:
            return
        if turn.is_paused(self._preflight_samples):
            if (text.text, text.end_s) != self._sent_preflight:
                self._sent_preflight = (text.text, text.end_s)
                self._sent_text = text.text
                preflight = self._transcript(pb.TRANSCRIPT_KIND_PREFLIGHT, turn, text)
                if self._pause_sound is not None:
                    finished = await self._pause_sound.answer(turn.open.voiced_until)
                    if finished is not None:
                        preflight.sounds_finished = finished
                await self._send(preflight)
        elif text.text != self._sent_text:
            self._sent_text = text.text
            await self._send(self._transcript(pb.TRANSCRIPT_KIND_PARTIAL, turn, text))

    async def _send_final(self, turn: SpokenTurn) -> None:
        self._turns.remove(turn)
        self._sent_text, self._sent_preflight = "", ("", 0.0)
        self._room.set()
        tracing.work_for(tracing.parsed(turn.traceparent))
        await self._send(self._transcript(pb.TRANSCRIPT_KIND_FINAL, turn, turn.text()))

    def _transcript(
        self, kind: "pb.TranscriptKind.ValueType", turn: SpokenTurn, text: TurnText
    ) -> pb.Transcript:
        is_final = kind == pb.TRANSCRIPT_KIND_FINAL
        decode_s = monotonic() - turn.flushed_at if is_final else self._last_answer_s
        return pb.Transcript(
            kind=kind,
            text=text.text,
            start=_duration(text.start_s),
            end=_duration(text.end_s),
            confidence=text.confidence,
            words=[
                pb.RecognizedWord(
                    word=word.word,
                    start=_duration(word.start_s),
                    end=_duration(word.end_s),
                    confidence=word.confidence,
                )
                for word in text.words
            ],
            language=self._options.language,
            flush_id=turn.flush_id or 0,
            decode=_duration(decode_s),
        )

    @property
    def _preflight_samples(self) -> int:
        busy_samples = round(_PREFLIGHT_SHARE * self._last_decode_s * SAMPLE_RATE_HZ)
        return max(self._options.preflight_samples, busy_samples)

    @property
    def is_between_turns(self) -> bool:
        """Whether nothing of what came is left to answer."""
        return len(self._turns) == 1 and not self._turns[0].has_voice

    @property
    def _is_full(self) -> bool:
        undecoded = [length for turn in self._turns for length in turn.undecoded_samples]
        too_much = len(undecoded) > 1 and sum(undecoded) > _UNDECODED_SAMPLES
        return too_much or len(self._turns) > _MOST_TURNS

    async def _until_there_is_room(self) -> None:
        while self._is_full:
            self._room.clear()
            await self._room.wait()


def _trace(job: Job, traceparent: str, asked_at_s: float) -> None:
    """Records a decode that an answer may have waited for: the wait for its turn, and its work."""
    parent = tracing.parsed(traceparent)
    if parent is not None and job.urgency is not Urgency.PARTIAL:
        attributes: tracing.Attributes = {
            "parley.transcript": job.urgency.name,
            "parley.decode_s": job.decode_s,
        }
        tracing.record(
            "decode",
            parent=parent,
            began_at_s=asked_at_s,
            ended_at_s=time.time(),
            attributes=attributes,
        )


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromTimedelta(timedelta(seconds=seconds))
    return duration
