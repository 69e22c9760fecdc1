"""Guards that hold for any engine: is there a voice in the sound, and which draft is believed."""

from collections.abc import Sequence

import numpy as np

from workers.engines.asr_engine import (
    DecodedText,
    DecodeRequest,
    Draft,
    FloatSamples,
    Recognizer,
)

VOICE_WINDOWS = 5
"""A voice is as sure as its surest 160 ms: shorter than any word."""
LEAST_VOICE = 0.5

_MOST_UNSURE = 3
"""Attempts that an unsure text is worth: each sees more context and takes longer."""


def voice_certainty(probabilities: FloatSamples) -> float:
    """How sure it is that a voice is among windows of these probabilities, 0 to 1."""
    if not len(probabilities):
        return 0.0
    surest = np.sort(probabilities)[-VOICE_WINDOWS:]
    return float(surest.sum() / VOICE_WINDOWS)


def settle(drafts: Sequence[Draft], *, attempts: int) -> DecodedText | None:
    """What was said, judged from the drafts so far; None where another attempt is needed.

    A loop that two attempts agree on and that came to its end was really said. Of texts that the
    engine is unsure of the surest is taken.
    """
    last = drafts[-1]
    texts = [draft for draft in drafts if not draft.loops]
    if texts and (last.loops or not last.unsure or len(drafts) >= min(attempts, _MOST_UNSURE)):
        return max(
            texts, key=lambda draft: (draft.decoded.text != "", draft.decoded.confidence)
        ).decoded
    if texts:
        return None
    if any(draft.decoded.text == last.decoded.text for draft in drafts[:-1]):
        return last.decoded
    if len(drafts) < attempts:
        return None
    return min((draft.decoded for draft in drafts), key=lambda decoded: len(decoded.text))


def recognize(recognizer: Recognizer, request: DecodeRequest) -> DecodedText:
    """Decodes one request with as many attempts as it takes; blocks."""
    drafts: list[Draft] = []
    while True:
        drafts += recognizer.decode([request], attempt=len(drafts), abandoned=lambda: False)
        decoded = settle(drafts, attempts=recognizer.attempts)
        if decoded is not None:
            return decoded
