"""What was played while nothing reached the person does not count as heard, and is said again."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from livekit import rtc

from agent.playout.positions import KEPT_S
from agent.room.line import GIVEN_UP_S, Line, PacketsSoFar
from testkit.fake_clock_loop import FakeClockLoop
from tests.agent.test_playout import LEVEL, WORD_S, Call, loud, on_a_turned_clock

FRAME_S = 0.032
NOTICED_S = 1.8
CONCEALMENT_S = 0.15
"""How long a track sounds on without packets, as measured, where nothing has piled up."""


@dataclass
class Voice:
    """Keeps who held it since when."""

    is_speaking: bool = True
    held_since_s: float | None = None
    holds: list[tuple[float, float]] = field(default_factory=list)
    """When it was held, and from when on."""

    def hold_since(self, by: str, time_s: float) -> None:
        self.held_since_s = time_s
        self.holds.append((asyncio.get_running_loop().time(), time_s))

    def release(self, by: str) -> None:
        self.held_since_s = None


@dataclass
class Network:
    """The person's microphone at the agent's end: 50 packets a second while `passes`."""

    line: Line = field(init=False)
    voice: Voice = field(default_factory=Voice)
    passes: bool = True
    is_on: bool = True
    is_silent: bool = False
    """The microphone gives zeros, and a packet every 0.4 s."""
    buffered_s: float = CONCEALMENT_S
    """How long the track sounds on without packets."""
    tells_when: bool = True
    """Whether it is known when the latest packet came."""
    clock_off_s: float = 0.0
    """By so much the clock was set since then."""
    _count: float = 0.0
    _lost_for_s: float = 0.0
    _came_at_s: float | None = None

    def __post_init__(self) -> None:
        self._now_s = asyncio.get_running_loop().time
        self.line = Line(self.voice, self.packets, clock=self._now_s)

    async def packets(self) -> PacketsSoFar | None:
        if not self.is_on:
            return None
        came_s = self._came_at_s
        tells = self.tells_when and came_s is not None
        latest_s = self._now_s() - (came_s or 0.0) + self.clock_off_s if tells else None
        return PacketsSoFar(int(self._count), latest_s)

    async def run(self, seconds: float) -> None:
        for _ in range(round(seconds / FRAME_S)):
            sends = self.passes and self.is_on
            self._lost_for_s = 0.0 if sends else self._lost_for_s + FRAME_S
            before = int(self._count)
            self._count += FRAME_S * (2.5 if self.is_silent else 50) if sends else 0
            if int(self._count) > before:
                self._came_at_s = self._now_s()
            sounds = self._lost_for_s < self.buffered_s and not self.is_silent
            samples = np.full(512, 7 if sounds else 0, np.int16)
            self.line.push(rtc.AudioFrame(samples.tobytes(), 16000, 1, 512))
            await asyncio.sleep(FRAME_S)


def on_a_network(scenario: Callable[[Network], Coroutine[None, None, None]]) -> None:
    async def run() -> None:
        network = Network()
        await scenario(network)
        await network.line.aclose()

    with asyncio.Runner(loop_factory=FakeClockLoop) as runner:
        runner.run(run())


@pytest.mark.parametrize("seconds", [2.0, 4.0, 7.0, 14.0, 25.0])
@pytest.mark.parametrize("before_s", [0.5, 3.3])
@pytest.mark.parametrize("tells_when", [True, False])
def test_a_cut_holds_the_voice_from_where_it_began_until_it_ends(
    seconds: float, before_s: float, tells_when: bool
) -> None:
    async def scenario(network: Network) -> None:
        network.tells_when = tells_when
        await network.run(before_s)
        cut_s = asyncio.get_running_loop().time()
        network.passes = False
        await network.run(seconds)
        ((held_s, since_s),) = network.voice.holds
        assert held_s - cut_s < NOTICED_S
        assert cut_s - 0.2 < since_s <= cut_s + 0.05
        network.passes = True
        await network.run(0.1)
        assert network.voice.held_since_s is None
        await network.run(5.0)
        assert len(network.voice.holds) == 1

    on_a_network(scenario)


@pytest.mark.parametrize("buffered_s", [0.15, 0.4, 1.1, 1.9, 3.8])
@pytest.mark.parametrize("is_silent", [False, True])
def test_a_cut_is_dated_by_its_last_packet_however_much_sound_is_buffered(
    buffered_s: float, is_silent: bool
) -> None:
    """After a cut what has piled up fills the buffer: the next cuts are heard of late."""

    async def scenario(network: Network) -> None:
        network.is_silent = is_silent
        for count, away_s in enumerate((2.0, 6.0, 3.0), start=1):
            await network.run(3.0)
            cut_s = asyncio.get_running_loop().time()
            network.passes = False
            await network.run(away_s + network.buffered_s)
            assert len(network.voice.holds) == count
            held_s, since_s = network.voice.holds[-1]
            assert held_s - cut_s < max(NOTICED_S, network.buffered_s + 0.8)
            assert cut_s - 0.5 < since_s <= cut_s + 0.05
            network.passes = True
            await network.run(0.7)
            assert network.voice.held_since_s is None
            network.buffered_s = buffered_s

    on_a_network(scenario)


@pytest.mark.parametrize("clock_off_s", [-3600.0, -1.5, 7.0, 3600.0])
def test_a_clock_that_was_set_makes_no_cut_and_moves_none_far(clock_off_s: float) -> None:
    async def scenario(network: Network) -> None:
        await network.run(1.0)
        network.clock_off_s = clock_off_s
        network.is_silent = True
        await network.run(10.0)
        assert network.voice.holds == []
        network.is_silent = False
        await network.run(1.0)
        cut_s = asyncio.get_running_loop().time()
        network.passes = False
        await network.run(4.0)
        ((_, since_s),) = network.voice.holds
        assert cut_s - 0.3 < since_s < cut_s + 1.6

    on_a_network(scenario)


@pytest.mark.parametrize("since_cut_s", [0.6, 0.8, 0.95])
def test_before_a_cut_is_known_to_be_one_it_is_doubted(since_cut_s: float) -> None:
    async def scenario(network: Network) -> None:
        await network.run(2.0)
        network.passes = False
        await network.run(since_cut_s)
        assert network.line.is_doubtful
        network.passes = True
        await network.run(0.4)
        assert not network.line.is_doubtful

    on_a_network(scenario)


def test_a_microphone_that_gives_zeros_is_doubted_for_a_moment_only() -> None:
    async def scenario(network: Network) -> None:
        await network.run(1.0)
        network.is_silent = True
        doubted = 0
        for _ in range(300):
            await network.run(FRAME_S)
            doubted += network.line.is_doubtful
        assert doubted * FRAME_S < 0.7

    on_a_network(scenario)


def test_a_reply_that_begins_during_a_cut_is_held_from_its_first_sound() -> None:
    async def scenario(network: Network) -> None:
        network.voice.is_speaking = False
        await network.run(1.0)
        network.passes = False
        await network.run(6.0)
        assert network.voice.holds == []
        begun_s = asyncio.get_running_loop().time()
        network.voice.is_speaking = True
        await network.run(2.0)
        ((_, since_s),) = network.voice.holds
        assert since_s < begun_s

    on_a_network(scenario)


@pytest.mark.parametrize("lost_s", [0.1, 0.3, 0.9])
def test_a_few_lost_packets_hold_nothing(lost_s: float) -> None:
    async def scenario(network: Network) -> None:
        for _ in range(5):
            await network.run(2.0)
            network.passes = False
            await network.run(lost_s)
            network.passes = True
        assert network.voice.holds == []

    on_a_network(scenario)


@pytest.mark.parametrize("kind", ["zeros, and packets as ever", "zeros, a packet now and then"])
def test_a_microphone_that_gives_zeros_is_no_cut(kind: str) -> None:
    async def scenario(network: Network) -> None:
        await network.run(1.0)
        network.is_silent = True
        await network.run(20.0)
        assert network.voice.holds == []

    on_a_network(scenario)


def test_a_packet_of_a_silent_microphone_that_is_lost_now_and_then_is_no_cut() -> None:
    async def scenario(network: Network) -> None:
        await network.run(1.0)
        network.is_silent = True
        for _ in range(10):
            await network.run(2.0)
            network.passes = False
            await network.run(0.4)
            network.passes = True
        assert network.voice.holds == []

    on_a_network(scenario)


def test_a_microphone_that_is_switched_off_is_no_cut() -> None:
    async def scenario(network: Network) -> None:
        await network.run(1.0)
        network.is_on = False
        await network.run(20.0)
        assert network.voice.holds == []
        network.is_on = True
        await network.run(1.0)
        network.passes = False  # and one that is on again is listened to
        await network.run(2.0)
        assert len(network.voice.holds) == 1

    on_a_network(scenario)


@pytest.mark.parametrize("acts", [True, False])
def test_a_microphone_that_has_died_does_not_silence_the_agent_for_good(acts: bool) -> None:
    async def scenario(network: Network) -> None:
        await network.run(1.0)
        network.passes = False
        await network.run(3.0)
        assert network.voice.held_since_s is not None
        if acts:
            network.line.person_acts()
        else:
            await network.run(GIVEN_UP_S)
        assert network.voice.held_since_s is None
        await network.run(60.0)
        assert len(network.voice.holds) == 1

    on_a_network(scenario)


def test_the_room_itself_lost_is_a_cut_for_those_without_a_microphone() -> None:
    async def scenario(network: Network) -> None:
        await asyncio.sleep(1.0)
        network.line.server_lost()
        assert network.voice.held_since_s == asyncio.get_running_loop().time()
        network.line.server_found()
        assert network.voice.held_since_s is None

    on_a_network(scenario)


# --- what the voice does of it


@given(cut_s=st.floats(0.2, 2.6), noticed_s=st.floats(0.3, 1.3), away_s=st.floats(0.0, 20.0))
@settings(max_examples=30, deadline=None)
def test_of_what_was_played_to_nobody_nothing_is_lost_and_it_is_not_heard(
    cut_s: float, noticed_s: float, away_s: float
) -> None:
    words = 16

    async def scenario(call: Call) -> None:
        speaking = asyncio.create_task(call.reply(words))
        await call.at(cut_s)
        played_s = call.playout.played_s
        await call.at(cut_s + noticed_s)
        call.playout.hold_since("line", cut_s)
        assert call.playout.played_s == pytest.approx(played_s, abs=0.002)
        near = {heard_words(played_s + off_s) for off_s in (-0.002, 0.002)}  # on the edge: either
        assert call.transcript in {"".join(f"w{n} " for n in range(count)) for count in near}
        resumed_s = cut_s + noticed_s + away_s
        await call.at(resumed_s)
        call.playout.release("line")
        heard = await call.end()
        await speaking
        place = round(resumed_s * 16000)
        received = np.concatenate([heard[: round(cut_s * 16000)], heard[place:]])
        levels = [level for level in np.unique(loud(received)) if level >= LEVEL]
        assert levels == [LEVEL + n for n in range(words)]
        assert len(loud(received)) == pytest.approx(words * WORD_S * 16000, abs=200)
        assert call.transcript == "".join(f"w{n} " for n in range(words))
        assert call.finished[0].playback_position == pytest.approx(words * WORD_S, abs=0.01)

    on_a_turned_clock(scenario)


@pytest.mark.parametrize("lost_before_end_s", [0.1, 0.5, 1.2])
def test_the_end_of_a_reply_that_is_doubted_is_said_again(lost_before_end_s: float) -> None:
    async def scenario(call: Call) -> None:
        call.playout.may_end = lambda: False
        await asyncio.wait_for(call.reply(6), 60)
        end_s = 6 * WORD_S
        await call.at(end_s + 0.7)
        assert call.finished == []
        call.playout.hold_since("line", end_s - lost_before_end_s)
        assert call.playout.played_s == pytest.approx(end_s - lost_before_end_s, abs=0.05)
        await call.at(end_s + 5.0)
        call.playout.may_end = lambda: True
        call.playout.release("line")
        heard = await call.end()
        again = heard[round((end_s + 5.0) * 16000) :]
        assert len(loud(again)) == pytest.approx(lost_before_end_s * 16000, abs=800)
        assert call.transcript == "".join(f"w{n} " for n in range(6))
        assert len(call.finished) == 1

    on_a_turned_clock(scenario)


def test_a_reply_cut_while_it_is_held_ends_where_the_person_lost_it() -> None:
    async def scenario(call: Call) -> None:
        speaking = asyncio.create_task(call.reply(40))
        await call.at(3.0)
        played_s = call.playout.played_s
        await call.at(4.2)
        call.playout.hold_since("line", 3.0)
        call.playout.clear_buffer()
        speaking.cancel()
        await call.end()
        expected = "".join(f"w{n} " for n in range(heard_words(played_s)))
        assert call.finished[0].synchronized_transcript == call.transcript == expected

    on_a_turned_clock(scenario)


def test_it_goes_back_no_further_than_is_kept() -> None:
    async def scenario(call: Call) -> None:
        speaking = asyncio.create_task(call.reply(60))
        await call.at(9.0)
        played_s = call.playout.played_s
        call.playout.hold_since("line", 0.5)
        assert played_s - call.playout.played_s == pytest.approx(KEPT_S, abs=0.4)
        call.playout.release("line")
        await call.end()
        await speaking
        assert call.transcript == "".join(f"w{n} " for n in range(60))

    on_a_turned_clock(scenario)


def test_who_has_the_floor_is_not_asked() -> None:
    """A cut while the person is being judged: the voice is silent until both let it go."""

    async def scenario(call: Call) -> None:
        speaking = asyncio.create_task(call.reply(12))
        await call.at(1.0)
        call.playout.hold("floor")
        await call.at(1.8)
        call.playout.hold_since("line", 0.8)
        call.playout.release("floor")
        await call.at(4.0)
        assert not loud(call.ear.heard()[round(1.01 * 16000) :]).size
        call.playout.release("line")
        await call.end()
        await speaking
        assert call.transcript == "".join(f"w{n} " for n in range(12))

    on_a_turned_clock(scenario)


def heard_words(played_s: float) -> int:
    """A word counts as heard when 0.6 of it has been played."""
    return sum(played_s >= (n + 0.6) * WORD_S for n in range(100))
