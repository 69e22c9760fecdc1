"""Both sides of a call in one file."""

import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from caller.call_recording import SAMPLE_RATE_HZ, CallRecording, unix_offset_s
from caller.client import join
from caller.measure import AUDIBLE_DBFS, sounds, speech_end, speech_start
from parley.clock import monotonic
from testkit.sounds import burst
from tests.caller.echo import echo_agent
from tests.caller.livekit import LiveKit
from tests.caller.rooms import TRANSPORT_MS, access


def test_a_second_of_either_clock_is_the_same_sample() -> None:
    empty = np.zeros(0, dtype=np.int16)
    start_s = monotonic()
    recording = CallRecording(empty, empty, start_s, unix_offset_s(monotonic))
    assert recording.sample_at(start_s + 1.5) == 1.5 * SAMPLE_RATE_HZ
    apart = recording.sample_at_unix(time.time()) - recording.sample_at(monotonic())
    assert abs(apart) < 0.001 * SAMPLE_RATE_HZ


@pytest.mark.parametrize("name", ["call.wav", "call.flac"])
def test_left_is_the_microphone_and_right_the_ear(tmp_path: Path, name: str) -> None:
    spoken, heard = np.arange(100, dtype=np.int16), np.arange(100, 200, dtype=np.int16)
    CallRecording(spoken, heard, 0.0, 0.0).write(tmp_path / name)
    both, rate = soundfile.read(tmp_path / name, dtype="int16")
    assert rate == SAMPLE_RATE_HZ
    assert np.array_equal(both, np.stack([spoken, heard], axis=1))


def test_speech_begins_where_its_loud_parts_do() -> None:
    clip = burst(0.5, tail_s=0.3).samples
    led = np.concatenate([np.zeros(4800, dtype=np.int16), clip])
    assert abs(speech_start(led, SAMPLE_RATE_HZ) - 4800) < 48
    assert abs(speech_end(led, SAMPLE_RATE_HZ) - 4800 - 24000) < 48


@pytest.mark.servers
async def test_what_was_spoken_stands_on_the_left_at_the_time_it_was_spoken(
    livekit: LiveKit,
) -> None:
    """The echo on the right lies the agent's delay and the transport behind."""
    delay_s, way = 0.5, access(livekit)
    async with echo_agent(livekit, way.room, delay_s=delay_s), join(way) as client:
        await client.wait_for_agent()
        started_s = client.clock()
        utterance = client.microphone.speak(burst(0.4))
        await client.reached(lambda: not client.ear.quiet_since(started_s), timeout_s=10)
        await client.reached(lambda: client.ear.quiet_since(client.clock() - 0.3), timeout_s=10)
        recording = CallRecording.of(client, started_s, client.clock())
        assert utterance.first_sample is not None
        spoken_at = recording.sample_at(client.microphone.time_of(utterance.first_sample))
    (left,) = sounds(recording.spoken, SAMPLE_RATE_HZ, AUDIBLE_DBFS)
    right = sounds(recording.heard, SAMPLE_RATE_HZ, AUDIBLE_DBFS)[0]
    assert abs(left.start - spoken_at) < 48
    apart_ms = 1000 * (right.start - left.start) / SAMPLE_RATE_HZ
    assert 2 * TRANSPORT_MS[0] < apart_ms - 1000 * delay_s < 2 * TRANSPORT_MS[1]
