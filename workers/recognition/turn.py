"""A turn: what one speaker says until the flush, as segments that are decoded one by one."""

import math
from dataclasses import dataclass

from workers.engines.asr_engine import SAMPLE_RATE_HZ, DecodedWord, FloatSamples
from workers.recognition.segment import SpeechSegment

_LONG_PAUSE_SAMPLES = 2 * SAMPLE_RATE_HZ
_PAUSE_SAMPLES = round(0.3 * SAMPLE_RATE_HZ)
_LONG_SEGMENT_SAMPLES = 8 * SAMPLE_RATE_HZ
_LONGEST_SEGMENT_SAMPLES = 24 * SAMPLE_RATE_HZ
"""A segment ends at a long pause, once it is long at any pause, and here at the latest: what a
FINAL has left to decode stays short, and so does what is kept in memory."""

_LONG_TURN_SAMPLES = 300 * SAMPLE_RATE_HZ


@dataclass(frozen=True)
class TurnText:
    """What is known of a turn; times in seconds from the start of the call's audio."""

    text: str
    start_s: float
    end_s: float
    confidence: float
    words: tuple[DecodedWord, ...]


class SpokenTurn:
    """`segments` in their order; the last is open as long as `flush_id` is None."""

    def __init__(self, open_segment: SpeechSegment) -> None:
        self.segments = [open_segment]
        self.flush_id: int | None = None
        self.flushed_at = 0.0
        self.answer_by = math.inf
        """When nobody waits for the FINAL any more."""
        self.traceparent = ""
        self._start = open_segment.end

    @property
    def open(self) -> SpeechSegment:
        return self.segments[-1]

    @property
    def undecoded_samples(self) -> list[int]:
        """The lengths of the segments that have ended and wait to be decoded."""
        waiting = [each for each in self._ended if each.is_voiced and not each.is_decoded]
        return [each.span_samples for each in waiting]

    @property
    def pending(self) -> SpeechSegment | None:
        """The first segment that has ended and is not decoded yet."""
        return next((each for each in self._ended if each.is_voiced and not each.is_decoded), None)

    @property
    def _ended(self) -> list[SpeechSegment]:
        return self.segments if self.flush_id is not None else self.segments[:-1]

    @property
    def is_long(self) -> bool:
        return self.open.end - self._start >= _LONG_TURN_SAMPLES

    @property
    def has_sound(self) -> bool:
        return self.open.end > self._start

    @property
    def has_voice(self) -> bool:
        return len(self.segments) > 1 or self.open.voiced_from is not None

    def is_paused(self, silence_samples: int) -> bool:
        """Whether all that was said is decoded and the speaker has been silent for so long."""
        if self.pending is not None:
            return False
        if self.open.voiced_from is None:
            return True
        return self.open.is_decoded and self.open.pause_samples >= silence_samples

    def append(self, samples: FloatSamples) -> None:
        """Takes at most a window of sound, whose windows are added next."""
        self.open.append(samples)

    def add_window(self, position: int, probability: float) -> None:
        """See SpeechSegment.add_window; ends the open segment where it is time."""
        segment = self.open
        segment.add_window(position, probability)
        pause, span = segment.pause_samples, segment.span_samples
        if pause >= _LONG_PAUSE_SAMPLES or (
            pause >= _PAUSE_SAMPLES and span >= _LONG_SEGMENT_SAMPLES
        ):
            self._begin(segment.pre_roll())
        elif span >= _LONGEST_SEGMENT_SAMPLES:
            earliest = segment.voiced_until - _LONGEST_SEGMENT_SAMPLES // 2
            self._begin(segment.split(segment.longest_pause(earliest)))

    def end(self, flush_id: int, *, at: float, within_s: float | None = None) -> SpeechSegment:
        """The turn has ended here; gives the segment that the next one begins with."""
        rest = self.open.pre_roll()
        self.flush_id = flush_id
        self.flushed_at = at
        if within_s is not None:
            self.answer_by = at + within_s
        return rest

    def text(self) -> TurnText:
        decoded = [(each, each.decoded) for each in self.segments if each.decoded is not None]
        said = [(segment, text) for segment, text in decoded if text.text]
        if not said:
            end_s = self.open.end / SAMPLE_RATE_HZ
            return TurnText("", end_s, end_s, 1.0, ())
        letters = sum(len(text.text) for _, text in said)
        return TurnText(
            " ".join(text.text for _, text in said),
            (said[0][0].voiced_from or 0) / SAMPLE_RATE_HZ,
            said[-1][0].voiced_until / SAMPLE_RATE_HZ,
            sum(text.confidence * len(text.text) for _, text in said) / letters,
            tuple(
                DecodedWord(
                    word.word,
                    word.start_s + segment.sound_start / SAMPLE_RATE_HZ,
                    word.end_s + segment.sound_start / SAMPLE_RATE_HZ,
                    word.confidence,
                )
                for segment, text in said
                for word in text.words
            ),
        )

    def forget_decoded(self) -> None:
        """Gives the memory of ended segments back; those without text leave."""
        for segment in [each for each in self.segments[:-1] if each.is_decoded]:
            if segment.decoded is not None and segment.decoded.text:
                segment.release()
            else:
                self.segments.remove(segment)

    def _begin(self, segment: SpeechSegment) -> None:
        if not self.open.is_voiced:
            self.segments.pop()
        self.segments.append(segment)
