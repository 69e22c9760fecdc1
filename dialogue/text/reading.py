"""A whole text, as the agent would say it: cut into stretches, each in spoken words."""

from collections.abc import Iterator

from dialogue.text.languages.english import LANGUAGE as ENGLISH
from dialogue.text.languages.language import Language
from dialogue.text.segmenter import ClauseSegmenter
from dialogue.text.spoken import SpokenText, TextSpeaker, within

FIRST_FLUSH_WORDS = 2
"""As in the settings: a voice starts early where there is someone who waits for it."""


def read_out(
    text: str, *, language: Language = ENGLISH, first_flush_words: int = FIRST_FLUSH_WORDS
) -> Iterator[SpokenText]:
    """The stretches of a text that is there as a whole; those of which nothing is said, too."""
    segmenter, speaker = ClauseSegmenter(first_flush_words, language), TextSpeaker(language)
    for stretch in (*segmenter.push(text), *segmenter.finish()):
        yield from within(speaker.speak(stretch))
