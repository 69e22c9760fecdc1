"""CosyVoice 2 with a streaming loop that several threads may run, and leave, at any time.

The arithmetic is upstream's (cosyvoice/cli/model.py of FunAudioLLM/CosyVoice); the loop is not:
what belongs to one text lives in local variables, so that a text that is cancelled or fails
leaves nothing behind, and the chunk sizes of one text do not grow those of the next.
"""

import threading
import uuid
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from cosyvoice.cli.model import CosyVoice2Model
from cosyvoice.utils.common import fade_in_out
from torch.nn import functional

from workers.engines.cosyvoice.speaker import CHUNK_TOKENS, Speaker
from workers.engines.cosyvoice.token_stream import TokenStream
from workers.engines.tts_engine import Cancellation, FloatSamples

LONGEST_CHUNK_TOKENS = 2 * CHUNK_TOKENS
"""Each chunk runs the flow over the whole text so far; a longer one would come too late."""

SAMPLES_PER_TOKEN = 960


@dataclass(frozen=True)
class SpeechChunk:
    """Sound, and how much of it the text is known to have; all of it once `is_complete`."""

    samples: FloatSamples
    known_samples: int
    is_complete: bool
    is_last: bool


@dataclass(frozen=True)
class VocoderState:
    """The end of the last chunk, which the next goes on from: [1, 80, 8], [1, 1, n], [1, n]."""

    mel: torch.Tensor
    source: torch.Tensor
    speech: torch.Tensor


class StreamingModel(CosyVoice2Model):  # type: ignore[misc]
    """The three networks; `load`, `load_trt` and `load_vllm` are upstream's."""

    def __init__(self, modules: dict[str, Any], *, device: torch.device, fp16: bool) -> None:
        super().__init__(modules["llm"], modules["flow"], modules["hift"], fp16)
        self.device = device
        self.llm.sampling = SeededSampling(**self.llm.sampling.keywords)

    def stream(
        self,
        text: torch.Tensor,
        speaker: Speaker,
        *,
        seed: int,
        speed: float,
        cancellation: Cancellation,
    ) -> Iterator[SpeechChunk]:
        """Speaks the token ids `text`, shape [1, n] with n > 0, in chunks of growing length.

        Raises SynthesisCancelledError soon after `cancellation`, and what any network raises.
        When it ends or is closed, the language model's thread ends at its next token.
        """
        tokens = TokenStream()
        with (
            tokens.filled_by(lambda: self._speech_tokens(text, speaker, seed)),
            cancellation.aborting(tokens.close),
        ):
            yield from self._chunks(tokens, speaker, speed, cancellation)

    def _chunks(
        self, tokens: TokenStream, speaker: Speaker, speed: float, cancellation: Cancellation
    ) -> Iterator[SpeechChunk]:
        lookahead = self.flow.pre_lookahead_len
        # The first chunk completes the prompt's last one.
        hop = CHUNK_TOKENS + -speaker.flow_tokens.shape[1] % CHUNK_TOKENS
        offset, next_hop = 0, CHUNK_TOKENS
        state: VocoderState | None = None
        while True:
            so_far, ended = tokens.wait(offset + hop + lookahead)
            cancellation.check()
            known = round(len(so_far) * SAMPLES_PER_TOKEN / speed)
            is_last = len(so_far) < offset + hop + lookahead
            heard = so_far if is_last else so_far[: offset + hop + lookahead]
            mel = self._mel(heard, speaker, offset=offset, is_last=is_last, speed=speed)
            cancellation.check()
            speech, state = self._vocode(mel, state, is_last=is_last)
            yield SpeechChunk(speech, known, ended, is_last)
            if is_last:
                return
            offset += hop
            hop = next_hop = min(LONGEST_CHUNK_TOKENS, 2 * next_hop)

    def _speech_tokens(self, text: torch.Tensor, speaker: Speaker, seed: int) -> Generator[int]:
        """Runs in a thread of its own, on a CUDA stream of its own."""
        self.llm.sampling.seed(seed, self.device)
        uses_vllm = hasattr(self.llm, "vllm")
        request = uuid.uuid4().hex
        with ExitStack() as stack:
            if self.device.type == "cuda":
                stack.enter_context(torch.cuda.stream(torch.cuda.Stream(self.device)))
                stack.enter_context(torch.autocast("cuda", enabled=self.fp16 and not uses_vllm))
            if uses_vllm:
                stack.callback(self._abandon, request)
            yield from self.llm.inference(
                text=text.to(self.device),
                text_len=_length(text, self.device),
                prompt_text=speaker.text,
                prompt_text_len=_length(speaker.text, self.device),
                prompt_speech_token=speaker.tokens,
                prompt_speech_token_len=_length(speaker.tokens, self.device),
                embedding=speaker.embedding,
                uuid=request,
            )

    def _abandon(self, request: str) -> None:
        """Ends a request in vLLM; upstream forgets it only when it runs to its end."""
        with self.llm.lock:
            self.llm.vllm.abort_request([request])
            self.llm.vllm_output_queue.pop(request, None)

    def _mel(
        self, tokens: list[int], speaker: Speaker, *, offset: int, is_last: bool, speed: float
    ) -> torch.Tensor:
        """The features [1, 80, frames] of the tokens from `offset` on, at the wanted pace."""
        speech = torch.tensor([tokens], dtype=torch.int32, device=self.device)
        with torch.autocast(self.device.type, enabled=self.fp16):
            mel, _ = self.flow.inference(
                token=speech,
                token_len=_length(speech, self.device),
                prompt_token=speaker.flow_tokens,
                prompt_token_len=_length(speaker.flow_tokens, self.device),
                prompt_feat=speaker.features,
                prompt_feat_len=_length(speaker.features, self.device),
                embedding=speaker.embedding,
                streaming=not is_last,
                finalize=is_last,
            )
        mel = mel[:, :, offset * self.flow.token_mel_ratio :]
        if speed == 1.0:
            return mel
        return functional.interpolate(mel, size=round(mel.shape[2] / speed), mode="linear")

    def _vocode(
        self, mel: torch.Tensor, state: VocoderState | None, *, is_last: bool
    ) -> tuple[FloatSamples, VocoderState | None]:
        """Sound of the features, crossfaded with the chunk before; all but the last keep a tail."""
        source = torch.zeros(1, 1, 0)
        if state is not None:
            mel, source = torch.concat([state.mel, mel], dim=2), state.source
        speech, source = self.hift.inference(speech_feat=mel, cache_source=source)
        if state is not None:
            speech = fade_in_out(speech, state.speech, self.speech_window)
        if is_last:
            return _samples(speech), None
        tail = self.source_cache_len
        kept = VocoderState(
            mel[:, :, -self.mel_cache_len :], source[:, :, -tail:], speech[:, -tail:]
        )
        return _samples(speech[:, :-tail]), kept


class SeededSampling:
    """Repetition-aware sampling (VALL-E 2), as upstream's `ras_sampling`, with a seed per text.

    Upstream draws from the process's one generator: what a text sounds like would depend on
    whatever else is spoken meanwhile.
    """

    def __init__(self, *, top_p: float, top_k: int, win_size: int, tau_r: float) -> None:
        self._top_p = top_p
        self._top_k = top_k
        self._window = win_size
        self._most_repeats = win_size * tau_r
        self._of_thread = threading.local()

    def seed(self, seed: int, device: torch.device) -> None:
        """For what the calling thread samples from now on."""
        self._of_thread.generator = torch.Generator(device).manual_seed(seed)

    def __call__(self, scores: torch.Tensor, decoded: list[int], sampling: int) -> torch.Tensor:
        """A token, shape [1], of `scores` [n], which are logarithms of probabilities."""
        probabilities = scores.float().softmax(dim=0)
        likely, order = probabilities.sort(descending=True, stable=True)
        in_nucleus = likely.cumsum(dim=0) - likely < self._top_p
        in_nucleus[self._top_k :] = False
        token = order[self._draw(likely * in_nucleus)]
        if decoded[-self._window :].count(int(token)) >= self._most_repeats:
            token = self._draw(probabilities)
        return token

    def _draw(self, weights: torch.Tensor) -> torch.Tensor:
        return weights.multinomial(1, generator=self._of_thread.generator)


def _length(sequence: torch.Tensor, device: torch.device) -> torch.Tensor:
    return torch.tensor([sequence.shape[1]], dtype=torch.int32, device=device)


def _samples(speech: torch.Tensor) -> FloatSamples:
    return np.asarray(speech.squeeze(0).float().cpu().numpy(), np.float32)
