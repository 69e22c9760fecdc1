"""How soon after the end of speech its text is there: a speaker in real time, a worker's ear.

An utterance is the end of a recording, so that it ends as its speaker ended it, and silence.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from caller.recordings import Clip
from parley.clock import monotonic
from parley.rpc.v1 import recognition_pb2 as pb
from workers.engines.asr_engine import SAMPLE_RATE_HZ, FloatSamples, Recognizer
from workers.recognition.decoder import Decoder
from workers.recognition.listener import Listener, ListenerOptions
from workers.recognition.voice_activity import VoiceActivity, VoiceDetector

LENGTHS_S = (1.0, 3.0, 6.0, 10.0)
_SILENCE_S = 1.0
_FRAME_SAMPLES = SAMPLE_RATE_HZ // 50


@dataclass(frozen=True)
class AfterEnd:
    """Of one utterance: from the end of its sound to its text, and of that from when the text
    was asked for."""

    clip: str
    length_s: float
    decode_ms: float
    after_ms: float
    text: str


async def text_after_end(
    recognizer: Recognizer, clips: Sequence[Clip], count: int
) -> list[AfterEnd]:
    """`count` utterances of each of LENGTHS_S, of the clips that are long enough."""
    detector, found = VoiceDetector(), []
    async with Decoder(recognizer) as decoder:
        for length_s in LENGTHS_S:
            long_enough = [clip for clip in clips if clip.duration_s >= length_s][:count]
            for clip in long_enough:
                samples = clip.samples[-round(length_s * SAMPLE_RATE_HZ) :]
                said = await _speak(decoder, VoiceActivity(detector), samples)
                if said is not None:
                    decode_ms, after_ms, text = said
                    found.append(AfterEnd(clip.name, length_s, decode_ms, after_ms, text))
    return found


async def _speak(
    decoder: Decoder, activity: VoiceActivity, samples: FloatSamples
) -> tuple[float, float, str] | None:
    """Milliseconds from the request and from the end of the voice, and the text; None: no text."""
    came: list[tuple[float, pb.Transcript]] = []

    async def send(transcript: pb.Transcript) -> None:
        came.append((monotonic(), transcript))

    listener = Listener(decoder, activity, ListenerOptions(language="en"), send)
    listening = asyncio.create_task(listener.run())
    try:
        began_at = monotonic()
        sound = np.pad(samples, (0, round(_SILENCE_S * SAMPLE_RATE_HZ)))
        for start in range(0, len(sound), _FRAME_SAMPLES):
            frame = sound[start : start + _FRAME_SAMPLES]
            due_at = began_at + (start + len(frame)) / SAMPLE_RATE_HZ  # when a microphone has it
            await asyncio.sleep(due_at - monotonic())
            await listener.push_audio(frame)
        await listener.end()
        await listening
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    paused = [
        (at, each) for at, each in came if each.kind == pb.TRANSCRIPT_KIND_PREFLIGHT and each.text
    ]
    if not paused:
        return None
    at, transcript = paused[-1]
    ended_at = began_at + transcript.end.ToNanoseconds() / 1e9
    decode_ms = transcript.decode.ToNanoseconds() / 1e6
    return round(decode_ms, 1), round(1000 * (at - ended_at), 1), transcript.text
