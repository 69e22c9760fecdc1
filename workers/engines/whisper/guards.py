"""Guards: which of Whisper's texts are noise made into sentences, or loops.

The figures were found on speech (LibriSpeech, synthetic words, both also in noise) and on noise
(barking, horns, engines, people at a distance, generated tones and hiss); `./run bench asr`
holds them.
"""

import zlib
from collections.abc import Sequence

import numpy as np

from workers.engines.tts_engine import FloatSamples
from workers.engines.whisper.hearing import NOTHING, Draft, Hearing, Utterance

VOICE_WINDOWS = 5
"""A voice is as sure as its surest 160 ms: shorter than any word."""
LEAST_VOICE = 0.5

_UNSURE_VOICE, _SURE_VOICE = 0.8, 0.93
_UNSURE_DOUBT, _SURE_DOUBT = 0.75, 1.4
_LOG_PROB_WEIGHT = 0.6
_LOOP_NO_SPEECH = 0.4

_LEAST_REPEATS = 3
_LEAST_REPEATED_TOKENS = 9
_TWICE_REPEATED_TOKENS = 6
_COMPRESSION_RATIO = 2.4  # OpenAI's own limit


def voice_certainty(probabilities: FloatSamples) -> float:
    """How sure it is that a voice is among windows of these probabilities, 0 to 1."""
    if not len(probabilities):
        return 0.0
    surest = np.sort(probabilities)[-VOICE_WINDOWS:]
    return float(surest.sum() / VOICE_WINDOWS)


def is_loop(tokens: Sequence[int], text: str) -> bool:
    """Whether a stretch of tokens is said over and over, or the text compresses like one."""
    size = len(text.encode())
    if size and size / len(zlib.compress(text.encode())) > _COMPRESSION_RATIO:
        return True
    return any(_repeats(tokens, length) for length in range(1, len(tokens) // 2 + 1))


def _repeats(tokens: Sequence[int], length: int) -> bool:
    """Whether some stretch of this length comes again at once, too often to be meant."""
    needed = max((_LEAST_REPEATS - 1) * length, _LEAST_REPEATED_TOKENS - length)
    if length >= _TWICE_REPEATED_TOKENS:
        needed = length
    same = 0
    for position in range(length, len(tokens)):
        same = same + 1 if tokens[position] == tokens[position - length] else 0
        if same >= needed:
            return True
    return False


def settle(utterance: Utterance, drafts: Sequence[Draft], *, attempts: int) -> Hearing | None:
    """What was heard, judged from the attempts so far; None where another attempt is needed.

    A loop that two attempts agree on and that came to its end was really said.
    """
    last = drafts[-1]
    if _is_noise(utterance, last):
        return NOTHING
    if not last.loops:
        return last.hearing
    if any(draft.hearing.text == last.hearing.text for draft in drafts[:-1]):
        return last.hearing
    if len(drafts) < attempts:
        return None
    return min((draft.hearing for draft in drafts), key=lambda hearing: len(hearing.text))


def _is_noise(utterance: Utterance, draft: Draft) -> bool:
    if not draft.hearing.text:
        return True
    sure = np.interp(utterance.voice, (_UNSURE_VOICE, _SURE_VOICE), (0.0, 1.0))
    if draft.loops:  # its later tokens are near certain: the probability says nothing
        return bool(sure < 1 and draft.no_speech > _LOOP_NO_SPEECH)
    doubt = draft.no_speech - _LOG_PROB_WEIGHT * draft.log_prob
    return bool(doubt > _UNSURE_DOUBT + sure * (_SURE_DOUBT - _UNSURE_DOUBT))
