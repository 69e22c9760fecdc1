"""Text to phonemes and phoneme ids, with the way back to the words of the text."""

import functools
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np
import onnxruntime
from piper.config import PiperConfig
from piper.const import BOS, EOS, PAD
from piper.voice import PiperVoice

from workers.engines.piper.stages import Ids, Prosody
from workers.engines.tts_engine import EngineError
from workers.engines.word_spans import (
    PlacedWord,
    Span,
    is_sound,
    place_words,
    split_at_pauses,
)

logging.getLogger("piper").setLevel(logging.ERROR)  # it warns of every phoneme it does not know

MAX_PHONEMES = 400
"""A longer sentence is split: the encoder's time and memory grow with the square."""

_WORD_CACHE = 4096


@dataclass(frozen=True)
class Sentence:
    """One run of the graph. `id_spans` is each phoneme's half-open range of `ids`."""

    phonemes: tuple[str, ...]
    ids: Ids
    id_spans: tuple[Span, ...]

    @property
    def sounds(self) -> Span:
        """The range of phonemes from the first to the last that is heard."""
        heard = [index for index, phoneme in enumerate(self.phonemes) if is_sound(phoneme)]
        return heard[0], heard[-1] + 1


class Phonemizer:
    """Wraps Piper's own phonemizers, whichever the voice's config asks for."""

    def __init__(self, config_file: Path) -> None:
        """Raises EngineError where the config is not a Piper voice's."""
        try:
            self.config = PiperConfig.from_dict(json.loads(config_file.read_text("utf-8")))
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise EngineError(
                f"{config_file} is not the config of a Piper voice: {error}"
            ) from None
        no_session = cast(onnxruntime.InferenceSession, None)  # only its phonemes are asked for
        self._voice = PiperVoice(session=no_session, config=self.config)
        self._phonemes_of_word: Callable[[str], tuple[str, ...]] = functools.lru_cache(_WORD_CACHE)(
            lambda word: tuple(p for s in self._voice.phonemize(_plain(word)) for p in s)
        )

    def prosody(self, *, speed: float) -> Prosody:
        """The voice's own, its sounds shortened by `speed`."""
        return Prosody(
            noise_scale=self.config.noise_scale,
            length_scale=self.config.length_scale / speed,
            noise_w_scale=self.config.noise_w_scale,
            speaker=self.config.default_speaker_id,
        )

    def sentences(self, text: str) -> list[Sentence]:
        """What is heard of the text; nothing for text without a sound."""
        spoken = _plain(text)
        if not spoken.strip():
            return []
        parts = (
            part
            for whole in self._voice.phonemize(spoken)
            for part in split_at_pauses(whole, most=MAX_PHONEMES)
        )
        return [self._sentence(part) for part in parts if any(map(is_sound, part))]

    def place_words(self, text: str, sentences: list[Sentence]) -> list[PlacedWord]:
        """Every word of the text, in order; none where there are no sentences."""
        phonemes = [sentence.phonemes for sentence in sentences]
        return place_words(text, phonemes, self._phonemes_of_word)

    def _sentence(self, phonemes: tuple[str, ...]) -> Sentence:
        ids = self._voice.phonemes_to_ids(list(phonemes))
        spans = self._id_spans(phonemes)
        if not spans or spans[-1][1] + len(self.config.phoneme_id_map[EOS]) != len(ids):
            # Another order of ids (pinyin): sounds share them evenly.
            edges = np.linspace(0, len(ids), len(phonemes) + 1).astype(int)
            spans = tuple((int(a), int(b)) for a, b in pairwise(edges))
        return Sentence(phonemes, np.array(ids, np.int64), spans)

    def _id_spans(self, phonemes: tuple[str, ...]) -> tuple[Span, ...]:
        """As Piper's phonemes_to_ids lays them out: each phoneme with the pad behind it."""
        id_map = self.config.phoneme_id_map
        at, spans = len(id_map[BOS]) + len(id_map[PAD]), []
        for phoneme in phonemes:
            length = len(id_map[phoneme]) + len(id_map[PAD]) if phoneme in id_map else 0
            spans.append((at, at + length))
            at += length
        return tuple(spans)


def _plain(text: str) -> str:
    """Piper takes [[…]] for raw phonemes; what people write is text."""
    return text.replace("[[", "[ [")
