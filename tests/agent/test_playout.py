"""What the person hears of a reply, to the sample, on a turned clock."""

import asyncio
from collections.abc import Callable, Coroutine

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from livekit import rtc
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT, TimedString
from livekit.agents.voice.io import PlaybackFinishedEvent
from prometheus_client import REGISTRY

from agent.playout.output import DUCKED_GAIN, RAMP_S, Playout
from agent.playout.pacing import USERDATA_PACE, Pace
from testkit.fake_clock_loop import FakeClockLoop

RATE_HZ = 16000
WORD_S = 0.25
LEVEL = 8000


class Ear:
    """The native end of a track: plays its queue in real time, ten milliseconds at a step."""

    STEP_S = 0.01

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._played = np.zeros(0, np.int16)
        self._queue = np.zeros(0, np.int16)
        self.takes_s = 0.0
        """How long it takes to take a frame."""

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await asyncio.sleep(self.takes_s)
        self._advance()
        self._queue = np.concatenate([self._queue, np.frombuffer(frame.data, np.int16)])

    def clear_queue(self) -> None:
        self._advance()
        self._queue = np.zeros(0, np.int16)

    def heard(self) -> np.ndarray:
        self._advance()
        return self._played

    def _advance(self) -> None:
        due = round(self._clock() * RATE_HZ) - len(self._played)
        audio, self._queue = self._queue[:due], self._queue[due:]
        silence = np.zeros(due - len(audio), np.int16)
        self._played = np.concatenate([self._played, audio, silence])


class Call:
    """A playout with an ear, and a reply of numbered words that is being made for it."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.ear = Ear(self.loop.time)
        self.transcript = ""
        self.finished: list[PlaybackFinishedEvent] = []
        self.playout = Playout(
            self.ear,
            sample_rate_hz=RATE_HZ,
            on_heard=self._heard,
            on_unheard=self._unheard,
            pressure=lambda: 0.0,
            clock=self.loop.time,
        )
        self.playout.on("playback_finished", self.finished.append)
        self.playout.start()

    def _heard(self, text: str) -> None:
        self.transcript += text

    def _unheard(self, text: str) -> None:
        assert self.transcript.endswith(text)
        self.transcript = self.transcript.removesuffix(text)

    async def piece(self, pace: Pace, seconds: float) -> None:
        """The next audio of what was asked for at this pace."""
        frame = constant(LEVEL, seconds)
        frame.userdata[USERDATA_PACE] = pace
        await self.playout.capture_frame(frame)

    async def reply(self, words: int) -> None:
        """Each word is a constant; the first frame carries all times."""
        for word in range(words):
            frame = constant(LEVEL + word, WORD_S)
            if word == 0:
                frame.userdata[USERDATA_TIMED_TRANSCRIPT] = [
                    TimedString(f"w{n} ", start_time=n * WORD_S, end_time=(n + 1) * WORD_S)
                    for n in range(words)
                ]
            await self.playout.capture_frame(frame)
        self.playout.flush()

    async def at(self, seconds: float) -> None:
        await asyncio.sleep(seconds - self.loop.time())

    async def end(self) -> np.ndarray:
        """What was heard once the reply is over."""
        await self.playout.wait_for_playout()
        await asyncio.sleep(0.1)
        await self.playout.aclose()
        return self.ear.heard()


def on_a_turned_clock(scenario: Callable[[Call], Coroutine[None, None, None]]) -> None:
    async def run() -> None:
        await scenario(Call())

    with asyncio.Runner(loop_factory=FakeClockLoop) as runner:
        runner.run(run())


def constant(level: int, seconds: float) -> rtc.AudioFrame:
    count = round(seconds * RATE_HZ)
    return rtc.AudioFrame(np.full(count, level, np.int16).tobytes(), RATE_HZ, 1, count)


def loud(samples: np.ndarray) -> np.ndarray:
    return samples[np.abs(samples) > 0]


def test_an_undisturbed_reply_is_heard_sample_by_sample() -> None:
    async def scenario(call: Call) -> None:
        await call.reply(12)
        heard = loud(await call.end())
        expected = np.repeat(np.arange(12) + LEVEL, int(WORD_S * RATE_HZ))
        assert np.array_equal(heard, expected)
        assert call.finished[0].interrupted is False
        assert call.finished[0].playback_position == pytest.approx(12 * WORD_S)
        assert call.transcript == "".join(f"w{n} " for n in range(12))

    on_a_turned_clock(scenario)


def test_clearing_is_heard_within_a_ramp_and_the_transcript_ends_with_it() -> None:
    async def scenario(call: Call) -> None:
        speaking = asyncio.create_task(call.reply(12))
        await call.at(1.1)
        call.playout.clear_buffer()
        speaking.cancel()
        heard = await call.end()
        assert not loud(heard[int((1.1 + RAMP_S) * RATE_HZ) + 1 :]).size
        assert loud(heard[int(1.05 * RATE_HZ) : int(1.1 * RATE_HZ)]).size
        assert call.finished[0].interrupted is True
        assert call.finished[0].playback_position == pytest.approx(1.1, abs=0.001)
        assert call.finished[0].synchronized_transcript == "w0 w1 w2 w3 "
        assert call.transcript == "w0 w1 w2 w3 "

    on_a_turned_clock(scenario)


def test_an_interruption_before_the_first_word_leaves_nothing_in_the_history() -> None:
    async def scenario(call: Call) -> None:
        speaking = asyncio.create_task(call.reply(12))
        await call.at(0.05)
        call.playout.clear_buffer()
        speaking.cancel()
        await call.end()
        assert call.finished[0].synchronized_transcript == ""

    on_a_turned_clock(scenario)


@settings(max_examples=60, deadline=None)
@example(pauses=[(0.5, 0.5), (0.75, 0.5), (0.625, 0.5), (0.875, 0.5)])  # into the last frame
@given(
    pauses=st.lists(st.tuples(st.floats(0.02, 0.9), st.floats(0.02, 0.5)), min_size=1, max_size=4)
)
def test_no_sample_is_lost_or_repeated_over_pauses(pauses: list[tuple[float, float]]) -> None:
    async def scenario(call: Call) -> None:
        speaking = asyncio.create_task(call.reply(12))
        for after_s, pause_s in pauses:
            await asyncio.sleep(after_s)
            call.playout.hold("test")
            paused_at = len(call.ear.heard())
            await asyncio.sleep(pause_s)
            silence = call.ear.heard()[paused_at + int(RAMP_S * RATE_HZ) + 1 :]
            assert not loud(silence).size
            call.playout.release("test")
        await speaking
        heard = await call.end()
        ramps = 2 * len(pauses) * int(RAMP_S * RATE_HZ)
        whole = [int(np.sum(heard == LEVEL + word)) for word in range(12)]
        missing = 12 * int(WORD_S * RATE_HZ) - sum(whole)
        # Only what was ramped differs. A pause falls between two samples, and the ear's clock and
        # the playout's may round it to either: one sample a pause, 0.06 ms.
        cuts = len(pauses)
        assert -cuts <= missing <= ramps + cuts
        assert all(count <= int(WORD_S * RATE_HZ) + cuts for count in whole)
        assert call.transcript == "".join(f"w{n} " for n in range(12))

    on_a_turned_clock(scenario)


def test_ducking_turns_down_what_is_already_queued_and_loses_nothing() -> None:
    async def scenario(call: Call) -> None:
        speaking = asyncio.create_task(call.reply(8))
        await call.at(0.6)
        call.playout.duck()
        await call.at(1.0)
        call.playout.unduck()
        await speaking
        heard = await call.end()
        down = heard[int((0.6 + RAMP_S) * RATE_HZ) + 1 : int(1.0 * RATE_HZ)]
        assert np.all(down <= (LEVEL + 8) * DUCKED_GAIN)
        assert np.all(down > 0)
        assert len(loud(heard)) == 8 * int(WORD_S * RATE_HZ)
        assert np.max(np.abs(np.diff(heard[int(0.3 * RATE_HZ) : int(1.2 * RATE_HZ)]))) < 200

    on_a_turned_clock(scenario)


def test_a_reply_is_taken_only_a_little_ahead_of_what_is_heard() -> None:
    async def scenario(call: Call) -> None:
        taken = 0.0

        async def speak() -> None:
            nonlocal taken
            for _ in range(100):
                frame = rtc.AudioFrame.create(RATE_HZ, 1, int(0.1 * RATE_HZ))
                await call.playout.capture_frame(frame)
                taken += 0.1

        speaking = asyncio.create_task(speak())
        await call.at(3.0)
        assert 1.0 < taken - call.playout.played_s < 2.0
        speaking.cancel()
        call.playout.clear_buffer()
        await call.playout.aclose()

    on_a_turned_clock(scenario)


def test_a_new_reply_follows_an_interrupted_one_without_a_trace_of_it() -> None:
    async def scenario(call: Call) -> None:
        speaking = asyncio.create_task(call.reply(12))
        await call.at(0.7)
        call.playout.clear_buffer()
        await call.at(0.9)  # the reply is still being made, and is not heard
        assert not call.playout.audible
        speaking.cancel()
        call.playout.flush()
        await call.at(1.0)
        await call.reply(2)
        heard = (await call.end())[int(1.0 * RATE_HZ) :]
        assert len(loud(heard)) == 2 * int(WORD_S * RATE_HZ)
        assert call.finished[1].interrupted is False

    on_a_turned_clock(scenario)


def underruns() -> float:
    return REGISTRY.get_sample_value("playout_underruns_total") or 0.0


def test_a_reply_whose_next_sound_comes_late_is_an_underrun_and_a_pause_is_none() -> None:
    async def scenario(call: Call) -> None:
        before = underruns()
        speaking = asyncio.create_task(call.reply(8))
        await call.at(0.5)
        call.playout.duck()
        await call.at(0.6)
        call.playout.hold("test")
        await call.at(1.6)
        call.playout.unduck()
        call.playout.release("test")
        await speaking
        await call.playout.wait_for_playout()
        assert underruns() == before
        late = rtc.AudioFrame(bytes(2 * RATE_HZ), RATE_HZ, 1, RATE_HZ)
        await call.playout.capture_frame(late)
        await asyncio.sleep(1.5)
        await call.playout.capture_frame(late)
        call.playout.flush()
        await call.end()
        assert underruns() == before + 1

    on_a_turned_clock(scenario)


def text_waits() -> float:
    return REGISTRY.get_sample_value("reply_text_waits_total") or 0.0


def test_a_reply_that_has_sounded_as_far_as_it_is_written_waits_and_is_no_underrun() -> None:
    async def scenario(call: Call) -> None:
        before, waited = underruns(), text_waits()
        pace = Pace()
        for _ in range(2):
            pace.asked("One moment, please.")
            pace.made(0.5)
            await call.piece(pace, 0.5)
            pace.spoken()
            await asyncio.sleep(2.0)
        pace.asked("Still here.")
        await asyncio.sleep(0.2)
        pace.made(0.5)
        await call.piece(pace, 0.5)
        pace.spoken()
        call.playout.flush()
        await call.end()
        assert (underruns(), text_waits()) == (before, waited + 2)

    on_a_turned_clock(scenario)


async def say_unevenly(call: Call, *, later_s: float) -> float:
    """A text whose second piece comes so much later than its first, which is 100 ms long; gives
    the number of underruns."""
    before, pace = underruns(), Pace()
    pace.asked("What can I do for you?")
    for seconds, pause_s in ((0.1, later_s), (1.0, 0.0)):
        pace.made(seconds)
        await call.piece(pace, seconds)
        await asyncio.sleep(pause_s)
    pace.spoken()
    call.playout.flush()
    await call.playout.wait_for_playout()
    return underruns() - before


def test_what_was_late_within_one_reply_is_waited_for_in_the_next() -> None:
    async def scenario(call: Call) -> None:
        for _ in range(8):
            assert await say_unevenly(call, later_s=0.05) == 0
        assert await say_unevenly(call, later_s=0.2) == 1, "nothing told of it"
        assert await say_unevenly(call, later_s=0.2) == 0
        await call.end()

    on_a_turned_clock(scenario)
