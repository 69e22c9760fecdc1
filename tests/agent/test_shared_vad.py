"""Each window is judged once, and the framework is told what its own detector would have told."""

from collections.abc import Iterable

import numpy as np
from livekit import rtc
from livekit.agents import inference, vad
from livekit.local_inference import VAD, VAD_WINDOW_SAMPLES

from agent.turns.shared_vad import SharedVAD
from caller.recordings import read_clips
from parley.audio import Samples

RATE_HZ = 16_000


def speech() -> Samples:
    """Some sentences with silence between them."""
    pause = np.zeros(RATE_HZ, np.float32)
    parts = [part for clip in read_clips()[:4] for part in (clip.samples, pause)]
    return np.asarray(np.concatenate(parts) * 32767, np.int16)


def windows(samples: Samples) -> list[Samples]:
    count = len(samples) // VAD_WINDOW_SAMPLES
    return list(samples[: count * VAD_WINDOW_SAMPLES].reshape(count, -1))


async def told(stream: vad.VADStream) -> list[vad.VADEvent]:
    return [event async for event in stream]


def boundaries(events: Iterable[vad.VADEvent]) -> list[tuple[str, float, float, float]]:
    return [
        (
            event.type.value,
            round(event.timestamp, 3),
            round(event.speech_duration, 3),
            round(event.silence_duration, 3),
        )
        for event in events
        if event.type is not vad.VADEventType.INFERENCE_DONE
    ]


async def test_it_tells_what_the_frameworks_own_detector_tells() -> None:
    heard = windows(speech())
    own = inference.VAD(model="silero", min_speech_duration=0.05, min_silence_duration=0.25)
    shared, judge = SharedVAD(min_speech_s=0.05, min_silence_s=0.25), VAD()
    one, other = own.stream(), shared.stream()
    for window in heard:
        frame = rtc.AudioFrame(window.tobytes(), RATE_HZ, 1, len(window))
        one.push_frame(frame)
        other.push_frame(frame)
        shared.push(judge.predict(window))
    one.end_input()
    other.end_input()
    expected, found = boundaries(await told(one)), boundaries(await told(other))
    assert len(found) >= 8
    assert found == expected
    await one.aclose()
    await other.aclose()


async def test_of_silence_nothing_is_told() -> None:
    shared = SharedVAD(min_speech_s=0.05, min_silence_s=0.25)
    stream = shared.stream()
    for probability in [0.0] * 50 + [0.9] + [0.0] * 50:
        shared.push(probability)
    stream.end_input()
    assert len(await told(stream)) <= 1
    await stream.aclose()


async def test_a_flush_is_a_boundary() -> None:
    shared = SharedVAD(min_speech_s=0.05, min_silence_s=0.25)
    stream = shared.stream()
    for _ in range(10):
        shared.push(0.9)
    stream.flush()
    for _ in range(20):
        shared.push(0.0)
    stream.end_input()
    kinds = [event.type for event in await told(stream)]
    assert kinds.count(vad.VADEventType.START_OF_SPEECH) == 1
    assert vad.VADEventType.END_OF_SPEECH not in kinds
    await stream.aclose()
