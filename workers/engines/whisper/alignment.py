"""Word times: cross-attention aligned with the sound (openai/whisper timing.py)."""

from collections.abc import Sequence
from dataclasses import replace

from ctranslate2 import StorageView
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import merge_punctuations

from workers.engines.whisper.hearing import Draft, HeardWord, Utterance

_FRAMES_PER_S = 100
_BEFORE, _AFTER = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"


def align(
    model: WhisperModel,
    tokenizer: Tokenizer,
    encoded: StorageView,
    utterances: Sequence[Utterance],
    drafts: Sequence[Draft],
) -> list[Draft]:
    """The drafts with the times of their words; `encoded` is the encoder's output for them."""
    frames = [max(2, round(each.duration_s * _FRAMES_PER_S)) for each in utterances]
    tokens = [list(draft.tokens) for draft in drafts]
    alignments = model.find_alignment(tokenizer, tokens, encoded, frames)
    aligned = []
    for draft, utterance, alignment in zip(drafts, utterances, alignments, strict=True):
        merge_punctuations(alignment, _BEFORE, _AFTER)
        words = tuple(
            HeardWord(
                word["word"].strip(),
                min(float(word["start"]), utterance.duration_s),
                min(float(word["end"]), utterance.duration_s),
                float(word["probability"]),
            )
            for word in alignment
            if word["word"].strip()
        )
        aligned.append(replace(draft, hearing=replace(draft.hearing, words=words)))
    return aligned
