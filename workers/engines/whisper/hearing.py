"""What goes into a decode and what comes out."""

from dataclasses import dataclass

from workers.engines.tts_engine import FloatSamples

SAMPLE_RATE_HZ = 16000


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """Sound to decode: `samples` of at most 30 s at 16 kHz, speech with little silence around it.

    `voice` is how sure it is that somebody speaks in it (`guards.voice_certainty`), `hints` are
    names and terms to expect.
    """

    samples: FloatSamples
    voice: float
    language: str
    hints: str = ""
    word_times: bool = False

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ


@dataclass(frozen=True)
class HeardWord:
    """A word with its punctuation; times count from the start of the utterance."""

    word: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True)
class Hearing:
    """What was heard: `text` is empty when nothing was said; `confidence` is the mean
    probability of its tokens."""

    text: str
    confidence: float
    words: tuple[HeardWord, ...] = ()


NOTHING = Hearing("", 1.0)


@dataclass(frozen=True)
class Draft:
    """What one attempt at an utterance made: to be judged before anyone sees it."""

    hearing: Hearing
    tokens: tuple[int, ...]
    """Those of the text, without timestamps."""
    log_prob: float
    """Mean log probability of the tokens."""
    no_speech: float
    """Probability that Whisper gave to there being no speech."""
    loops: bool
    """The text repeats itself, or did not come to an end."""
