"""A line that is cut is noticed, and from when on: by the packets of the person's microphone."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

import numpy as np
import pytest
from livekit import rtc

from agent.room.line import GIVEN_UP_S, Line, PacketsSoFar
from testkit.fake_clock_loop import FakeClockLoop

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
