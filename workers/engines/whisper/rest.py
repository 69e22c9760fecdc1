"""What Whisper left out: voiced sound after its last timestamp, and joining what is heard of it.

Whisper ends a decode early now and then, most of all where another speaker begins, and says so by
its last timestamp alone. OpenAI's own decoding goes on from there as well (transcribe.py, `seek`).
"""

from dataclasses import replace

import numpy as np

from workers.engines.asr_engine import SAMPLE_RATE_HZ, DecodedText, DecodeRequest
from workers.engines.repetition import is_loop
from workers.engines.whisper.output import Output

MOST_RESTS = 3
"""Times that one decode goes on; a segment of 24 s has rarely more sentences than that."""

LEAST_REST_S = 1.0
"""Timestamps are off by so much, and one word may be within it."""


def rest_from_s(request: DecodeRequest, output: Output) -> float | None:
    """From where on voiced sound was left out; None where all of it was heard.

    A text without a last timestamp reaches to the end, and one that loops is no text yet.
    """
    heard_until_s = output.heard_until_s
    if heard_until_s is None or output.loops or not output.decoded.text:
        return None
    voiced_until_s = request.duration_s
    if request.voiced_until_s is not None:
        voiced_until_s = min(voiced_until_s, request.voiced_until_s)
    return heard_until_s if voiced_until_s - heard_until_s > LEAST_REST_S else None


def rest_of(request: DecodeRequest, from_s: float) -> DecodeRequest:
    """The request for what begins at `from_s`."""
    until_s = request.voiced_until_s
    return replace(
        request,
        samples=request.samples[round(from_s * SAMPLE_RATE_HZ) :],
        voiced_until_s=None if until_s is None else until_s - from_s,
    )


def joined(output: Output, rest: Output, from_s: float) -> Output:
    """Both as one; the times of the rest count from `from_s`. A rest that repeats what came
    before makes the whole a loop."""
    tokens = (*output.tokens, *rest.tokens)
    text = f"{output.decoded.text} {rest.decoded.text}"
    sums = output.log_prob * len(output.tokens) + rest.log_prob * len(rest.tokens)
    log_prob = sums / len(tokens)
    words = tuple(
        replace(word, start_s=word.start_s + from_s, end_s=word.end_s + from_s)
        for word in rest.decoded.words
    )
    return Output(
        DecodedText(text, float(np.exp(log_prob)), (*output.decoded.words, *words)),
        tokens=tokens,
        log_prob=log_prob,
        no_speech=output.no_speech,
        loops=rest.loops or is_loop(tokens, text),
        heard_until_s=None if rest.heard_until_s is None else from_s + rest.heard_until_s,
    )
