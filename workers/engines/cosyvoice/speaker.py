"""What the model is told of a speaker, encoded once per voice."""

from dataclasses import dataclass

import numpy as np
import torch
import whisper
from torchaudio.compliance import kaldi

from workers.engines.cosyvoice.checkpoint import Frontend
from workers.engines.cosyvoice.voices import PROMPT_RATE_HZ, VoicePrompt

CHUNK_TOKENS = 25
"""The model's own streaming chunk: one second of speech tokens."""

_FRAMES_PER_TOKEN = 2
_MEL_BINS = 128
_END_OF_PROMPT = "<|endofprompt|>"


@dataclass(frozen=True)
class Speaker:
    """The inputs that depend on the voice alone, on the model's device.

    `text` [1, n] and `tokens` [1, m] are what the language model goes on from; the flow goes on
    from `flow_tokens` [1, k] with their `features` [1, 2k, 80]; `embedding` is [1, 192].
    """

    text: torch.Tensor
    tokens: torch.Tensor
    flow_tokens: torch.Tensor
    features: torch.Tensor
    embedding: torch.Tensor


def encode_text(frontend: Frontend, text: str) -> torch.Tensor:
    """Token ids, shape [1, n], int32."""
    return torch.tensor([frontend.tokenizer.encode(text)], dtype=torch.int32)


def encode_speaker(frontend: Frontend, prompt: VoicePrompt, device: torch.device) -> Speaker:
    """As the model's own frontend does for zero-shot, cross-lingual and instructed speech.

    The flow's part of the prompt is cut, at its beginning, to whole streaming chunks: the first
    chunk of speech then needs a second of tokens, whatever the prompt's length.
    """
    tokens, features = _speech(frontend, prompt)
    cut = tokens.shape[1] % CHUNK_TOKENS if tokens.shape[1] > CHUNK_TOKENS else 0
    none = torch.zeros((1, 0), dtype=torch.int32)
    text, continued = none, none
    if prompt.instruction:
        text = encode_text(frontend, prompt.instruction + _END_OF_PROMPT)
    elif prompt.transcript:
        text, continued = encode_text(frontend, prompt.transcript), tokens
    return Speaker(
        text=text.to(device),
        tokens=continued.to(device),
        flow_tokens=tokens[:, cut:].to(device),
        features=features[:, cut * _FRAMES_PER_TOKEN :].to(device),
        embedding=_embedding(frontend, _sound(prompt, PROMPT_RATE_HZ)).to(device),
    )


def _speech(frontend: Frontend, prompt: VoicePrompt) -> tuple[torch.Tensor, torch.Tensor]:
    """Speech tokens [1, n] and their features [1, 2n, 80] of the recording."""
    mel = whisper.log_mel_spectrogram(_sound(prompt, PROMPT_RATE_HZ), n_mels=_MEL_BINS)
    names = [tensor.name for tensor in frontend.speech_tokens.get_inputs()]
    feed = dict(zip(names, (mel.numpy(), np.array([mel.shape[2]], np.int32)), strict=True))
    tokens = torch.from_numpy(frontend.speech_tokens.run(None, feed)[0].reshape(1, -1))
    features = frontend.mel(_sound(prompt, frontend.sample_rate_hz)).transpose(1, 2)
    count = min(tokens.shape[1], features.shape[1] // _FRAMES_PER_TOKEN)
    return tokens[:, :count].to(torch.int32), features[:, : count * _FRAMES_PER_TOKEN]


def _embedding(frontend: Frontend, sound: torch.Tensor) -> torch.Tensor:
    features = kaldi.fbank(sound, num_mel_bins=80, dither=0, sample_frequency=PROMPT_RATE_HZ)
    features = (features - features.mean(dim=0, keepdim=True)).unsqueeze(0).numpy()
    name = frontend.speaker.get_inputs()[0].name
    return torch.from_numpy(frontend.speaker.run(None, {name: features})[0].reshape(1, -1))


def _sound(prompt: VoicePrompt, sample_rate_hz: int) -> torch.Tensor:
    """The recording as [1, n] within ±1."""
    samples = prompt.recording.resampled(sample_rate_hz).samples.astype(np.float32) / 32768
    return torch.from_numpy(samples).unsqueeze(0)
