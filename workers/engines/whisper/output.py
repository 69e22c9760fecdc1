"""What Whisper itself says of one attempt, before anyone sees it."""

from dataclasses import dataclass

from workers.engines.asr_engine import DecodedText


@dataclass(frozen=True)
class Output:
    """`tokens` are those of the text, without timestamps."""

    decoded: DecodedText
    tokens: tuple[int, ...]
    log_prob: float
    """Mean log probability of the tokens."""
    no_speech: float
    """Probability that Whisper gave to there being no speech."""
    loops: bool
    """The text repeats itself, or did not come to an end."""
    heard_until_s: float | None = None
    """The last timestamp; None where the text goes on after it."""
