"""The sentence encoder: the same pieces and the same vectors as where its weights come from."""

from pathlib import Path

import numpy as np
import pytest

from dialogue.embeddings.minilm import LONGEST_TOKENS, NAME, MiniLm
from dialogue.embeddings.wordpiece import WordPieces
from parley import models
from parley.errors import ModelError

TEXTS = (
    "hello world",
    "Where is my order #12345?",
    "Ça coûte 12€ — naïve café",
    "日本語のテスト",
    "a\u00adb\ufffd \x07 x",
    "antidisestablishmentarianism " * 3,
    "x" * 150,
    "",
    "İstanbul ǅ ß ﬁ",
    "e\u0301te\u200d a\u3000b ¿Qué? $5^3 `~` ©™",
    " ".join(["a long passage about pets"] * 100),
)


@pytest.fixture(scope="module")
def folder() -> Path:
    return models.ensure(NAME)


@pytest.fixture(scope="module")
def model(folder: Path) -> MiniLm:
    return MiniLm(folder)


def test_text_is_cut_as_the_models_own_tokenizer_cuts_it(folder: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="compares with Hugging Face's tokenizers")
    theirs = tokenizers.BertWordPieceTokenizer(str(folder / "vocab.txt"), lowercase=True)
    theirs.enable_truncation(LONGEST_TOKENS)
    ours = WordPieces(folder / "vocab.txt")
    for text in TEXTS:
        assert ours.ids(text, LONGEST_TOKENS) == theirs.encode(text).ids, text


def test_vectors_are_those_that_the_models_authors_show(model: MiniLm) -> None:
    """The example beside the model at its hub: https://huggingface.co/sentence-transformers/
    all-MiniLM-L6-v2."""
    said, dog, very, sunny = model.encode(
        [
            "That is a happy person",
            "That is a happy dog",
            "That is a very happy person",
            "Today is a sunny day",
        ]
    )
    found = [round(float(said @ other), 3) for other in (dog, very, sunny)]
    assert found == [0.695, 0.943, 0.257]


def test_a_text_has_the_same_vector_alone_and_beside_longer_ones(model: MiniLm) -> None:
    together = model.encode(TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        assert np.abs(model.encode([text])[0] - vector).max() < 1e-5, text
    assert np.allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)


def test_files_that_are_no_such_model_are_named(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "vocab.txt").write_text("one\ntwo\n")
    with pytest.raises(ModelError, match="no BERT vocabulary"):
        MiniLm(tmp_path)
    (tmp_path / "vocab.txt").write_bytes((folder / "vocab.txt").read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    with pytest.raises(ModelError, match="no MiniLM"):
        MiniLm(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"GGUF" * 8)
    with pytest.raises(ModelError, match="no safetensors"):
        MiniLm(tmp_path)
