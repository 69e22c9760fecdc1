"""Kokoro without its network: styles, chunks, ids, and a model that is not one."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from parley import models
from parley.models.manifest import SharedSource
from workers.engines import create_tts_engine
from workers.engines.chunk_bounds import chunk_bounds
from workers.engines.kokoro.decoding import CHUNK_FRAMES, SMALLEST_LAST_FRAMES
from workers.engines.kokoro.engine import KokoroEngine
from workers.engines.kokoro.network import EncodedSpeech
from workers.engines.kokoro.phonemes import MAX_PHONEMES, phonemizer
from workers.engines.kokoro.styles import SPEAKERS, pack, read_styles
from workers.engines.tts_engine import EngineError


def test_every_voice_of_the_manifest_has_styles_of_its_own_and_one_network() -> None:
    voices = create_tts_engine("kokoro", threads=1).voices()
    assert set(voices) == set(SPEAKERS)
    assert {spec.source for spec in voices.values()} == {SharedSource("kokoro-82m")}
    assert {spec.license for spec in voices.values()} == {models.find("kokoro-82m").license}
    tables = [read_styles(speaker) for speaker in SPEAKERS.values()]
    assert all(table.shape == (510, 256) for table in tables)
    for one, other in pairwise(tables):
        assert not np.allclose(one, other, atol=0.05)
    british = {name for name, speaker in SPEAKERS.items() if speaker.british}
    assert british == {name for name, spec in voices.items() if spec.languages == ("en-GB",)}


def test_packed_styles_are_the_published_ones_to_the_third_digit(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    published = {s.published: random.normal(0, 1, (510, 256)) for s in SPEAKERS.values()}
    for name, table in published.items():
        table.astype("<f4").tofile(tmp_path / f"{name}.bin")
    pack(tmp_path, tmp_path / "styles.npz")
    for speaker in SPEAKERS.values():
        read = read_styles(speaker, tmp_path / "styles.npz")
        assert np.abs(read - published[speaker.published]).max() < 2e-3


def test_missing_or_damaged_styles_are_an_error_that_names_them(tmp_path: Path) -> None:
    speaker = SPEAKERS["kokoro-en-us-heart"]
    with pytest.raises(EngineError, match="no styles of af_heart"):
        read_styles(speaker, tmp_path / "styles.npz")
    (tmp_path / "styles.npz").write_bytes(b"PK not a zip file")
    with pytest.raises(EngineError, match=r"styles\.npz has no styles of af_heart"):
        read_styles(speaker, tmp_path / "styles.npz")


def test_a_file_that_is_not_the_network_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a network")
    with pytest.raises(EngineError, match=r"model\.onnx cannot be used as Kokoro's network"):
        KokoroEngine(threads=1).load("kokoro-en-us-heart", tmp_path)
    (tmp_path / "model.onnx").unlink()
    with pytest.raises(EngineError, match=r"model\.onnx cannot be used as Kokoro's network"):
        KokoroEngine(threads=1).load("kokoro-en-us-heart", tmp_path)


@pytest.mark.parametrize(("start", "lead"), [(0, 0), (0, 12), (9, 12)])
def test_chunks_cover_a_sentence_and_grow(start: int, lead: int) -> None:
    for end in range(lead + 1, 500):
        bounds = chunk_bounds(
            start, lead, end, sizes=CHUNK_FRAMES, smallest_last=SMALLEST_LAST_FRAMES
        )
        assert (bounds[0], bounds[-1]) == (start, end)
        sizes = [high - low for low, high in pairwise(bounds)]
        assert all(size > 0 for size in sizes)
        assert len(sizes) == 1 or sizes[0] == lead - start + CHUNK_FRAMES[0]
        assert all(one <= other for one, other in pairwise(sizes[1:-1]))


def test_ids_have_a_zero_at_both_ends_and_each_phoneme_its_own() -> None:
    (sentence,) = phonemizer(british=False).sentences("Hello there.")
    assert sentence.ids[0] == sentence.ids[-1] == 0
    assert sentence.id_spans[0] == (1, 2)
    assert sentence.id_spans[-1][1] == len(sentence.ids) - 1
    first, last = sentence.sounds
    assert sentence.phonemes[last - 1] not in " ."
    assert first <= 1


def test_the_british_way_is_another() -> None:
    american, british = (
        phonemizer(british=british).sentences("Ask for the bath.")[0] for british in (False, True)
    )
    assert american.phonemes != british.phonemes


def test_a_sentence_longer_than_any_style_is_split() -> None:
    many = phonemizer(british=False).sentences("several words without any end " * 60)
    assert len(many) > 1
    assert all(len(sentence.ids) <= MAX_PHONEMES + 2 for sentence in many)


def test_a_part_of_a_sentence_comes_behind_its_silence_but_the_beginning_has_its_own() -> None:
    def counted(columns: int, more: int = 0) -> npt.NDArray[np.float32]:
        return np.arange(40 * columns + more, dtype=np.float32)

    encoded = EncodedSpeech(
        durations=np.array([9, 3, 28]),
        sounds=counted(1)[np.newaxis, np.newaxis],
        pitch=counted(2)[np.newaxis],
        energy=counted(2)[np.newaxis],
        tone=counted(120, more=1)[np.newaxis, np.newaxis],
        style=np.zeros((1, 256), np.float32),
    )
    sounds, pitch, _, tone, _ = encoded.part(20, 23).values()
    assert encoded.silence_before(20) == 6, "two thirds of what there is"
    assert sounds.ravel().tolist() == [*range(6), 20, 21, 22]
    assert pitch.ravel().tolist() == [*range(12), *range(40, 46)]
    assert tone.ravel().tolist() == [*range(720), *range(2400, 2761)]
    whole, *_ = encoded.part(0, 40).values()
    assert whole.ravel().tolist() == [*range(40)]
