"""Word times: cross-attention aligned with the sound (openai/whisper timing.py)."""

from collections.abc import Sequence
from dataclasses import replace

from ctranslate2 import StorageView
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import merge_punctuations

from workers.engines.asr_engine import DecodedWord, DecodeRequest
from workers.engines.whisper.output import Output

_FRAMES_PER_S = 100
_BEFORE, _AFTER = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"


def align(
    model: WhisperModel,
    tokenizer: Tokenizer,
    encoded: StorageView,
    requests: Sequence[DecodeRequest],
    outputs: Sequence[Output],
) -> list[Output]:
    """The outputs with the times of their words; `encoded` is the encoder's output for them."""
    frames = [max(2, round(each.duration_s * _FRAMES_PER_S)) for each in requests]
    tokens = [list(output.tokens) for output in outputs]
    alignments = model.find_alignment(tokenizer, tokens, encoded, frames)
    aligned = []
    for output, request, alignment in zip(outputs, requests, alignments, strict=True):
        merge_punctuations(alignment, _BEFORE, _AFTER)
        words = tuple(
            DecodedWord(
                word["word"].strip(),
                min(float(word["start"]), request.duration_s),
                min(float(word["end"]), request.duration_s),
                float(word["probability"]),
            )
            for word in alignment
            if word["word"].strip()
        )
        aligned.append(replace(output, decoded=replace(output.decoded, words=words)))
    return aligned
