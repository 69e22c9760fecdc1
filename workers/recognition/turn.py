"""A turn: what one speaker says until the flush, as stretches that are decoded one by one."""

from dataclasses import dataclass

from workers.engines.tts_engine import FloatSamples
from workers.engines.whisper.hearing import SAMPLE_RATE_HZ, HeardWord
from workers.recognition.segment import Stretch

_LONG_PAUSE_SAMPLES = 2 * SAMPLE_RATE_HZ
_PAUSE_SAMPLES = round(0.3 * SAMPLE_RATE_HZ)
_LONG_STRETCH_SAMPLES = 8 * SAMPLE_RATE_HZ
_LONGEST_STRETCH_SAMPLES = 24 * SAMPLE_RATE_HZ
"""A stretch ends at a long pause, once it is long at any pause, and here at the latest: what a
FINAL has left to decode stays short, and so does what is kept in memory."""

_LONG_TURN_SAMPLES = 300 * SAMPLE_RATE_HZ


@dataclass(frozen=True)
class TurnText:
    """What is known of a turn; times in seconds from the start of the call's audio."""

    text: str
    start_s: float
    end_s: float
    confidence: float
    words: tuple[HeardWord, ...]


class Turn:
    """`stretches` in their order; the last is open as long as `flush_id` is None."""

    def __init__(self, open_stretch: Stretch) -> None:
        self.stretches = [open_stretch]
        self.flush_id: int | None = None
        self.flushed_at = 0.0
        self._start = open_stretch.end

    @property
    def open(self) -> Stretch:
        return self.stretches[-1]

    @property
    def undecoded_samples(self) -> list[int]:
        """The lengths of the stretches that have ended and wait to be decoded."""
        waiting = [each for each in self._ended if each.is_voiced and not each.is_heard]
        return [each.span_samples for each in waiting]

    @property
    def pending(self) -> Stretch | None:
        """The first stretch that has ended and is not heard yet."""
        return next((each for each in self._ended if each.is_voiced and not each.is_heard), None)

    @property
    def _ended(self) -> list[Stretch]:
        return self.stretches if self.flush_id is not None else self.stretches[:-1]

    @property
    def is_long(self) -> bool:
        return self.open.end - self._start >= _LONG_TURN_SAMPLES

    @property
    def has_sound(self) -> bool:
        return self.open.end > self._start

    @property
    def has_voice(self) -> bool:
        return len(self.stretches) > 1 or self.open.voiced_from is not None

    def is_paused(self, silence_samples: int) -> bool:
        """Whether all that was said is heard and the speaker has been silent for so long."""
        if self.pending is not None:
            return False
        if self.open.voiced_from is None:
            return True
        return self.open.is_heard and self.open.pause_samples >= silence_samples

    def append(self, samples: FloatSamples) -> None:
        """Takes at most a window of sound, whose windows are told of next."""
        self.open.append(samples)

    def add_window(self, position: int, probability: float) -> None:
        """See Stretch.add_window; ends the open stretch where it is time."""
        stretch = self.open
        stretch.add_window(position, probability)
        pause, span = stretch.pause_samples, stretch.span_samples
        if pause >= _LONG_PAUSE_SAMPLES or (
            pause >= _PAUSE_SAMPLES and span >= _LONG_STRETCH_SAMPLES
        ):
            self._begin(stretch.run_up())
        elif span >= _LONGEST_STRETCH_SAMPLES:
            earliest = stretch.voiced_until - _LONGEST_STRETCH_SAMPLES // 2
            self._begin(stretch.split(stretch.longest_pause(earliest)))

    def end(self, flush_id: int, *, at: float) -> Stretch:
        """The turn has ended here; gives the stretch that the next one begins with."""
        rest = self.open.run_up()
        self.flush_id = flush_id
        self.flushed_at = at
        return rest

    def text(self) -> TurnText:
        heard = [(each, each.hearing) for each in self.stretches if each.hearing is not None]
        said = [(stretch, hearing) for stretch, hearing in heard if hearing.text]
        if not said:
            end_s = self.open.end / SAMPLE_RATE_HZ
            return TurnText("", end_s, end_s, 1.0, ())
        letters = sum(len(hearing.text) for _, hearing in said)
        return TurnText(
            " ".join(hearing.text for _, hearing in said),
            (said[0][0].voiced_from or 0) / SAMPLE_RATE_HZ,
            said[-1][0].voiced_until / SAMPLE_RATE_HZ,
            sum(hearing.confidence * len(hearing.text) for _, hearing in said) / letters,
            tuple(
                HeardWord(
                    word.word,
                    word.start_s + stretch.sound_start / SAMPLE_RATE_HZ,
                    word.end_s + stretch.sound_start / SAMPLE_RATE_HZ,
                    word.confidence,
                )
                for stretch, hearing in said
                for word in hearing.words
            ),
        )

    def forget_heard(self) -> None:
        """Gives the memory of ended stretches back; those without text leave."""
        for stretch in [each for each in self.stretches[:-1] if each.is_heard]:
            if stretch.hearing is not None and stretch.hearing.text:
                stretch.release()
            else:
                self.stretches.remove(stretch)

    def _begin(self, stretch: Stretch) -> None:
        if not self.open.is_voiced:
            self.stretches.pop()
        self.stretches.append(stretch)
