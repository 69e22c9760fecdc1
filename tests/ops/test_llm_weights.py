"""The local model's weights in another format: what is lost of them, and what is left alone."""

from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt
import pytest

from ops.llm_weights import MODEL_FILE, LlmWeightsError, iq4_nl, main, requantized

Floats = npt.NDArray[np.float32]
IQ4_NL = gguf.GGMLQuantizationType.IQ4_NL


def normal(rows: int, columns: int, *, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(0, 0.02, (rows, columns)).astype(np.float32)


def decoded(encoded: npt.NDArray[np.uint8]) -> Floats:
    """As ggml-org's own code reads them."""
    return gguf.quants.dequantize(encoded, IQ4_NL)


def share_lost(weights: Floats, after: Floats) -> float:
    return float(np.sum((weights - after) ** 2) / np.sum(weights**2))


@pytest.mark.parametrize("scale", [0.05, 1.0, 50.0])
def test_little_is_lost_and_what_is_lost_is_told(scale: float) -> None:
    weights = scale * normal(16, 896)
    encoded, lost = iq4_nl(weights)
    assert encoded.shape == (16, 896 // 32 * 18)
    after = decoded(encoded)
    assert share_lost(weights, after) < 0.008
    assert lost == pytest.approx(float(np.sum((weights - after) ** 2)), rel=0.05)


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_single_large_weight_is_kept_whatever_its_sign(sign: int) -> None:
    weights = normal(4, 64)
    weights[1, 40] = sign * 0.5
    after = decoded(iq4_nl(weights)[0])
    assert after[1, 40] == pytest.approx(sign * 0.5, rel=0.05)
    assert share_lost(weights, after) < 0.03


def test_nothing_stays_nothing() -> None:
    encoded, lost = iq4_nl(np.zeros((2, 64), np.float32))
    assert lost == 0
    assert not decoded(encoded).any()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a model of two matrices, an embedding and a norm."""
    monkeypatch.setenv("PARLEY_CACHE_DIR", str(tmp_path / "cache"))
    made = tmp_path / "small"
    made.mkdir()
    writer = gguf.GGUFWriter(made / MODEL_FILE, "qwen2")
    writer.add_string("general.name", "Small")
    writer.add_array("tokenizer.ggml.tokens", ["a", "ä", "<|im_end|>"])
    writer.add_array("tokenizer.ggml.token_type", [1, 1, 3])
    kinds = {"ffn_up": gguf.GGMLQuantizationType.Q5_0, "attn_v": gguf.GGMLQuantizationType.Q8_0}
    for name, kind in kinds.items():
        data = gguf.quants.quantize(normal(96, 64), kind)
        writer.add_tensor(f"blk.0.{name}.weight", data, raw_dtype=kind)
    writer.add_tensor("token_embd.weight", normal(96, 64))
    writer.add_tensor("output_norm.weight", normal(1, 64)[0])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return made


def test_matrices_are_converted_and_all_else_is_as_it_was(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["llama.cpp", str(folder)]) == 0
    before = gguf.GGUFReader(folder / MODEL_FILE)
    after = gguf.GGUFReader(Path(capsys.readouterr().out.strip()) / MODEL_FILE)
    assert {name: entry.contents() for name, entry in after.fields.items() if "." in name[5:]} == {
        name: entry.contents() for name, entry in before.fields.items() if "." in name[5:]
    }
    for old, new in zip(before.tensors, after.tensors, strict=True):
        assert old.name == new.name
        if "ffn_up" in old.name:
            assert new.tensor_type is IQ4_NL
            weights = gguf.quants.dequantize(old.data, old.tensor_type)
            assert share_lost(weights, decoded(new.data)) < 0.008
        else:
            assert new.tensor_type is old.tensor_type
            assert np.array_equal(new.data, old.data)


def test_it_is_made_anew_over_what_is_there(folder: Path) -> None:
    first = requantized(folder)
    whole = (first / MODEL_FILE).read_bytes()
    (first / MODEL_FILE).write_bytes(b"cut")
    assert requantized(folder) == first
    assert (first / MODEL_FILE).read_bytes() == whole


def test_a_file_that_is_no_model_is_an_error(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / MODEL_FILE).write_bytes(b"no model at all, however long it may be")
    assert main(["llama.cpp", str(folder)]) == 1
    assert capsys.readouterr().err


def test_weights_that_cannot_be_kept_are_refused(folder: Path) -> None:
    writer = gguf.GGUFWriter(folder / MODEL_FILE, "qwen2")
    one_per_row = np.zeros((96, 64), np.float32)
    one_per_row[:, 0] = 1e-9  # less than a scale can be
    writer.add_tensor("blk.0.ffn_up.weight", one_per_row)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(LlmWeightsError, match="ffn_up"):
        requantized(folder)
