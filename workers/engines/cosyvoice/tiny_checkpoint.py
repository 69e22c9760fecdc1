"""Makes a CosyVoice 2 checkpoint in the genuine layout with random weights, a hundredth its size.

    python -m workers.engines.cosyvoice.tiny_checkpoint FOLDER

What it speaks is noise, but every line of the loading and streaming code runs on it, on a CPU.
The same package versions give the same weights. Run it in the CosyVoice environment.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from transformers import Qwen2Config, Qwen2ForCausalLM
from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode

from workers.engines.cosyvoice.checkpoint import read_modules
from workers.engines.cosyvoice.layout import BACKBONE, CONFIG

_SEED = 1986
_SPEECH_TOKENS = 64
_HIDDEN = 32
_TEXT_TOKENS = 320
_EMBEDDING = 192

# The published cosyvoice2.yaml, its training part shortened; sizes that the code itself fixes
# (512 in the flow and its encoder) stay.
_YAML = f"""\
__set_seed1: !apply:random.seed [{_SEED}]
__set_seed2: !apply:numpy.random.seed [{_SEED}]
__set_seed3: !apply:torch.manual_seed [{_SEED}]
__set_seed4: !apply:torch.cuda.manual_seed_all [{_SEED}]

sample_rate: 24000
llm_input_size: {_HIDDEN}
llm_output_size: {_HIDDEN}
spk_embed_dim: {_EMBEDDING}
qwen_pretrain_path: ''
token_frame_rate: 25
token_mel_ratio: 2

chunk_size: 25 # streaming inference chunk size, in token
num_decoding_left_chunks: -1

llm: !new:cosyvoice.llm.llm.Qwen2LM
    llm_input_size: !ref <llm_input_size>
    llm_output_size: !ref <llm_output_size>
    speech_token_size: {_SPEECH_TOKENS}
    length_normalized_loss: True
    lsm_weight: 0
    mix_ratio: [5, 15]
    llm: !new:cosyvoice.llm.llm.Qwen2Encoder
        pretrain_path: !ref <qwen_pretrain_path>
    sampling: !name:cosyvoice.utils.common.ras_sampling
        top_p: 0.8
        top_k: 25
        win_size: 10
        tau_r: 0.1

flow: !new:cosyvoice.flow.flow.CausalMaskedDiffWithXvec
    input_size: 512
    output_size: 80
    spk_embed_dim: !ref <spk_embed_dim>
    output_type: 'mel'
    vocab_size: {_SPEECH_TOKENS}
    input_frame_rate: !ref <token_frame_rate>
    only_mask_loss: True
    token_mel_ratio: !ref <token_mel_ratio>
    pre_lookahead_len: 3
    encoder: !new:cosyvoice.transformer.upsample_encoder.UpsampleConformerEncoder
        output_size: 512
        attention_heads: 2
        linear_units: 64
        num_blocks: 1
        dropout_rate: 0.1
        positional_dropout_rate: 0.1
        attention_dropout_rate: 0.1
        normalize_before: True
        input_layer: 'linear'
        pos_enc_layer_type: 'rel_pos_espnet'
        selfattention_layer_type: 'rel_selfattn'
        input_size: 512
        use_cnn_module: False
        macaron_style: False
        static_chunk_size: !ref <chunk_size>
    decoder: !new:cosyvoice.flow.flow_matching.CausalConditionalCFM
        in_channels: 240
        n_spks: 1
        spk_emb_dim: 80
        cfm_params: !new:omegaconf.DictConfig
            content:
                sigma_min: 1e-06
                solver: 'euler'
                t_scheduler: 'cosine'
                training_cfg_rate: 0.2
                inference_cfg_rate: 0.7
                reg_loss_type: 'l1'
        estimator: !new:cosyvoice.flow.decoder.CausalConditionalDecoder
            in_channels: 320
            out_channels: 80
            channels: [32]
            dropout: 0.0
            attention_head_dim: 16
            n_blocks: 1
            num_mid_blocks: 1
            num_heads: 2
            act_fn: 'gelu'
            static_chunk_size: !ref <chunk_size> * <token_mel_ratio>
            num_decoding_left_chunks: !ref <num_decoding_left_chunks>

hift: !new:cosyvoice.hifigan.generator.HiFTGenerator
    in_channels: 80
    base_channels: 32
    nb_harmonics: 8
    sampling_rate: !ref <sample_rate>
    nsf_alpha: 0.1
    nsf_sigma: 0.003
    nsf_voiced_threshold: 10
    upsample_rates: [8, 5, 3]
    upsample_kernel_sizes: [16, 11, 7]
    istft_params:
        n_fft: 16
        hop_len: 4
    resblock_kernel_sizes: [3, 7, 11]
    resblock_dilation_sizes: [[1, 3, 5], [1, 3, 5], [1, 3, 5]]
    source_resblock_kernel_sizes: [7, 7, 11]
    source_resblock_dilation_sizes: [[1, 3, 5], [1, 3, 5], [1, 3, 5]]
    lrelu_slope: 0.1
    audio_limit: 0.99
    f0_predictor: !new:cosyvoice.hifigan.f0_predictor.ConvRNNF0Predictor
        num_class: 1
        in_channels: 80
        cond_channels: 16

mel_spec_transform1: !name:matcha.utils.audio.mel_spectrogram
    n_fft: 1920
    num_mels: 80
    sampling_rate: !ref <sample_rate>
    hop_size: 480
    win_size: 1920
    fmin: 0
    fmax: null
    center: False
hifigan: !new:cosyvoice.hifigan.hifigan.HiFiGan
    generator: !ref <hift>
    discriminator: !new:cosyvoice.hifigan.discriminator.MultipleDiscriminator
        mpd: !new:matcha.hifigan.models.MultiPeriodDiscriminator
        mrd: !new:cosyvoice.hifigan.discriminator.MultiResSpecDiscriminator
    mel_spec_transform: [
        !ref <mel_spec_transform1>
    ]

parquet_opener: !name:cosyvoice.dataset.processor.parquet_opener
get_tokenizer: !name:cosyvoice.tokenizer.tokenizer.get_qwen_tokenizer
    token_path: !ref <qwen_pretrain_path>
    skip_special_tokens: True
allowed_special: 'all'
tokenize: !name:cosyvoice.dataset.processor.tokenize
    get_tokenizer: !ref <get_tokenizer>
    allowed_special: !ref <allowed_special>
feat_extractor: !name:matcha.utils.audio.mel_spectrogram
    n_fft: 1920
    num_mels: 80
    sampling_rate: !ref <sample_rate>
    hop_size: 480
    win_size: 1920
    fmin: 0
    fmax: 8000
    center: False
padding: !name:cosyvoice.dataset.processor.padding
    use_spk_embedding: False # change to True during sft

data_pipeline: [
    !ref <parquet_opener>,
    !ref <tokenize>,
    !ref <padding>,
]

train_conf:
    optim: adam
    optim_conf:
        lr: 1e-5 # change to 1e-5 during sft
    max_epoch: 200
"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tiny_checkpoint", description=__doc__)
    parser.add_argument("folder", type=Path)
    make_tiny_checkpoint(parser.parse_args(arguments).folder)
    return 0


def make_tiny_checkpoint(folder: Path) -> None:
    """Fills `folder`, which is made where it is not there."""
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    _write_backbone(folder / BACKBONE)
    (folder / CONFIG).write_text(_YAML, encoding="utf-8")
    modules = read_modules(folder)  # the yaml seeds the weights
    for name in ("llm", "flow", "hift"):
        torch.save(modules[name].state_dict(), folder / f"{name}.pt")
    random = np.random.default_rng(_SEED)
    onnx.save(_speaker_encoder(random), folder / "campplus.onnx")
    onnx.save(_speech_tokenizer(random), folder / "speech_tokenizer_v2.onnx")


def _write_backbone(folder: Path) -> None:
    """A Qwen 2 of two layers, and its tokenizer with a token per byte."""
    folder.mkdir(exist_ok=True)
    torch.manual_seed(_SEED)
    config = Qwen2Config(
        vocab_size=_TEXT_TOKENS,
        hidden_size=_HIDDEN,
        intermediate_size=2 * _HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        initializer_range=0.5,  # what is said before must change what comes, as in a trained one
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    bytes_ = {character: index for index, character in enumerate(bytes_to_unicode().values())}
    (folder / "vocab.json").write_text(json.dumps(bytes_), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    tokenizer = {
        "tokenizer_class": "Qwen2Tokenizer",
        "pad_token": "<|endoftext|>",
        "eos_token": "<|endoftext|>",
        "unk_token": None,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer), encoding="utf-8")


def _speaker_encoder(random: np.random.Generator) -> onnx.ModelProto:
    """campplus: features [B, T, 80] to an embedding [B, 192]."""
    weights = random.standard_normal((80, _EMBEDDING)).astype(np.float32)
    nodes = [
        helper.make_node("ReduceMax", ["input"], ["peaks"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["peaks", "weights"], ["output"]),
    ]
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["B", "T", 80])]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["B", _EMBEDDING])]
    return _model(nodes, inputs, outputs, {"weights": weights})


def _speech_tokenizer(random: np.random.Generator) -> onnx.ModelProto:
    """Log mel [B, 128, T] at 100 Hz to tokens [B, T / 4] at 25 Hz: the best projection's index."""
    weights = random.standard_normal((_SPEECH_TOKENS, 128, 4)).astype(np.float32)
    weights -= weights.mean(axis=(1, 2), keepdims=True)  # the shape of the sound, not its level
    nodes = [
        helper.make_node("Conv", ["feats", "weights"], ["scores"], strides=[4], kernel_shape=[4]),
        helper.make_node("ArgMax", ["scores"], ["best"], axis=1, keepdims=0),
        helper.make_node("Cast", ["best"], ["tokens"], to=TensorProto.INT32),
    ]
    inputs = [
        helper.make_tensor_value_info("feats", TensorProto.FLOAT, ["B", 128, "T"]),
        helper.make_tensor_value_info("feats_length", TensorProto.INT32, ["B"]),
    ]
    outputs = [helper.make_tensor_value_info("tokens", TensorProto.INT32, ["B", "T4"])]
    return _model(nodes, inputs, outputs, {"weights": weights})


def _model(
    nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: dict[str, Any]
) -> onnx.ModelProto:
    initializers = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


if __name__ == "__main__":
    raise SystemExit(main())
