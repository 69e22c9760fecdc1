"""Which of Moonshine's texts were made out of no speech, and which are worth another attempt.

The network knows no probability of silence: how sure it is of its words, and how sure the worker
is of a voice, have to say it. The figures were found on the tuning half of the speakers (of
`./run bench ears`), synthetic words, noises, and all of these cut off in the middle.
"""

import re
from collections.abc import Sequence

import numpy as np

from workers.engines.asr_engine import DecodeRequest
from workers.engines.moonshine.network import Decoding
from workers.engines.repetition import is_loop

_TOKENS_PER_S = 6.5  # as in the code that Moonshine AI publishes: more is a loop
_LEAST_TOKENS = 8

_UNSURE_VOICE, _SURE_VOICE = 0.8, 0.93
_UNSURE_LOG_PROB, _SURE_LOG_PROB = -0.6, -1.6
_HEARD_VOICE = 0.8
_SURE_OF_NOTHING = -0.15
"""Log probability of ending at once. Humming ends at -0.1 and above, words that are missed below;
where a voice is as sure as that, something may have been said."""

_FAST_WORDS_PER_S = 1.2
"""Texts that are the same words twice are mistrusted where they would be said as fast as this, the
margins of the sound included: "Right." comes back as "Right, right." A second attempt confirms
what was really said twice."""


def most_tokens(duration_s: float) -> int:
    """What can be said in sound of this length, and more."""
    return _LEAST_TOKENS + round(_TOKENS_PER_S * duration_s)


def is_noise(request: DecodeRequest, decoding: Decoding, text: str) -> bool:
    """Whether nothing was said: the surer the voice, the more the network may doubt its text."""
    if not text:
        return request.voice < _HEARD_VOICE or decoding.log_prob > _SURE_OF_NOTHING
    sure = np.interp(request.voice, (_UNSURE_VOICE, _SURE_VOICE), (0.0, 1.0))
    least = _UNSURE_LOG_PROB + sure * (_SURE_LOG_PROB - _UNSURE_LOG_PROB)
    return bool(decoding.log_prob < least)


def is_mistrusted(request: DecodeRequest, decoding: Decoding, text: str) -> bool:
    """Whether another attempt may hear better: it repeats itself, or heard nothing of a voice."""
    if not decoding.ended or not text or is_loop(decoding.tokens, text):
        return True
    words = re.findall(r"[\w']+", text.lower())
    return _is_repeated(words) and len(words) > _FAST_WORDS_PER_S * request.duration_s


def _is_repeated(words: Sequence[str]) -> bool:
    """Whether the words are the same ones several times."""
    count = len(words)
    lengths = [length for length in range(1, count // 2 + 1) if count % length == 0]
    return any(list(words) == list(words[:length]) * (count // length) for length in lengths)
