"""The guard against noise: which of Whisper's texts were made out of no speech.

The figures were found on speech (LibriSpeech, synthetic words, both also in noise) and on noise
(barking, horns, engines, people at a distance, generated tones and hiss); `./run bench asr`
holds them.
"""

import numpy as np

from workers.engines.asr_engine import DecodeRequest
from workers.engines.whisper.output import Output

_UNSURE_VOICE, _SURE_VOICE = 0.8, 0.93
_UNSURE_DOUBT, _SURE_DOUBT = 0.75, 1.4
_LOG_PROB_WEIGHT = 0.6
_LOOP_NO_SPEECH = 0.4


def is_noise(request: DecodeRequest, output: Output) -> bool:
    """Whether nothing was said: the surer the voice, the more Whisper may doubt its text."""
    if not output.decoded.text:
        return True
    sure = np.interp(request.voice, (_UNSURE_VOICE, _SURE_VOICE), (0.0, 1.0))
    if output.loops:  # its later tokens are near certain: the probability says nothing
        return bool(sure < 1 and output.no_speech > _LOOP_NO_SPEECH)
    doubt = output.no_speech - _LOG_PROB_WEIGHT * output.log_prob
    return bool(doubt > _UNSURE_DOUBT + sure * (_SURE_DOUBT - _UNSURE_DOUBT))
