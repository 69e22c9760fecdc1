"""Sound keeps its place: whatever the chunks, the rate and what was skipped."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.engines.tts_engine import FloatSamples, SpokenAudio, SpokenEnd, SpokenWord
from workers.synthesis.pcm import UtterancePcm

VOICE_RATE_HZ = 22050

texts_strategy = st.lists(
    st.tuples(st.integers(0, 9000), st.integers(0, 3000), st.integers(1, 4000)),
    min_size=1,
    max_size=4,
)
"""Each text's samples, the pause after it, and the size of its chunks."""


def _sound(length: int, text: int) -> FloatSamples:
    return (0.4 * np.sin(np.arange(length) * (0.05 + 0.01 * text))).astype(np.float32)


def _answer(
    texts: list[tuple[int, int, int]], rate_hz: int, offset: int
) -> tuple[dict[int, int], int]:
    """Every answered sample by its position, and where the last text ended."""
    pcm = UtterancePcm(
        voice_rate_hz=VOICE_RATE_HZ, answered_rate_hz=rate_hz, start_offset_samples=offset
    )
    answered: dict[int, int] = {}
    for number, (length, pause, chunk) in enumerate(texts):
        needed, sound = pcm.from_sample, _sound(length, number)
        chunks = []
        for start in range(0, length, chunk):
            if min(start + chunk, length) > needed:
                chunks += list(pcm.audio(SpokenAudio(start, sound[start : start + chunk])))
        chunks += list(pcm.end(SpokenEnd(length, pause)))
        for piece in chunks:
            samples = np.frombuffer(piece.pcm_s16le, "<i2")
            assert len(samples)
            for index, sample in enumerate(samples):
                position = piece.sample_offset + index
                assert position >= offset
                assert position not in answered, "a sample came twice"
                answered[position] = int(sample)
    return answered, pcm.position


@settings(deadline=None, max_examples=60)
@given(
    texts=texts_strategy,
    rate_hz=st.sampled_from([8000, 16000, 22050, 24000, 48000]),
    share=st.floats(0, 1.1),
)
def test_rest_of_an_utterance_is_the_same_as_in_the_whole(
    texts: list[tuple[int, int, int]], rate_hz: int, share: float
) -> None:
    whole, end = _answer(texts, rate_hz, 0)
    assert sorted(whole) == list(range(end))
    offset = int(end * share)
    rest, rest_end = _answer(texts, rate_hz, offset)
    assert rest_end == end
    assert sorted(rest) == list(range(offset, end))
    assert all(abs(sample - whole[position]) <= 1 for position, sample in rest.items())


def test_length_and_words_follow_the_rate() -> None:
    pcm = UtterancePcm(voice_rate_hz=22050, answered_rate_hz=48000, start_offset_samples=0)
    assert pcm.span(SpokenWord("a", 0, 22050)) == (0, 48000)
    list(pcm.audio(SpokenAudio(0, np.zeros(22050, np.float32))))
    list(pcm.end(SpokenEnd(22050, 2205)))
    assert pcm.position == 48000
    assert pcm.span(SpokenWord("b", 0, 22050)) == (48000 + 4800, 2 * 48000 + 4800)


def test_text_without_sound_keeps_the_pause_before_the_next() -> None:
    pcm = UtterancePcm(voice_rate_hz=22050, answered_rate_hz=22050, start_offset_samples=0)
    list(pcm.audio(SpokenAudio(0, np.ones(100, np.float32))))
    list(pcm.end(SpokenEnd(100, 50)))
    assert list(pcm.end(SpokenEnd(0, 0))) == []
    assert pcm.position == 100
    chunks = list(pcm.audio(SpokenAudio(0, np.ones(10, np.float32))))
    assert chunks[0].sample_offset == 100
    assert sum(len(chunk.pcm_s16le) for chunk in chunks) == 2 * 60


def test_sound_beyond_full_scale_is_clipped_not_wrapped() -> None:
    pcm = UtterancePcm(voice_rate_hz=22050, answered_rate_hz=22050, start_offset_samples=0)
    (chunk,) = pcm.audio(SpokenAudio(0, np.array([2.0, -2.0], np.float32)))
    assert list(np.frombuffer(chunk.pcm_s16le, "<i2")) == [32767, -32768]
