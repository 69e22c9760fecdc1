"""Promises of voice residency, whatever order things happen in."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.engines.tts_engine import Cancellation, SpeechPiece, SpeechRequest
from workers.synthesis.residency import (
    LOADS_AT_ONCE,
    MOST_COMING,
    NoRoomError,
    Residency,
    VoiceInUseError,
    VoiceLease,
)

VOICES = ("ada", "bob", "cy", "dee")


class TurnedClock:
    """Shows the time it was set to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Memory:
    """Stands for the machine's memory: knows every copy that was ever loaded."""

    def __init__(self, *, steps: int = 3) -> None:
        self.steps = steps
        self.held: list[MemoryVoice] = []
        self.most_held = 0
        self.loading = self.most_loading = 0
        self.loads: list[str] = []
        self.failing: set[str] = set()

    async def load(self, name: str) -> "MemoryVoice":
        voice = MemoryVoice(name, self)
        self.loads.append(name)
        self.held.append(voice)
        self.most_held = max(self.most_held, len(self.held))
        self.loading += 1
        self.most_loading = max(self.most_loading, self.loading)
        for _ in range(self.steps):
            await asyncio.sleep(0)
        self.loading -= 1
        if name in self.failing:
            self.held.remove(voice)
            raise OSError(f"{name} is broken")
        return voice


class MemoryVoice:
    sample_rate_hz = 16000
    reproducible = True

    def __init__(self, name: str, memory: Memory) -> None:
        self.name = name
        self.memory = memory
        self.leases = 0
        self.closed = False

    def speak(self, request: SpeechRequest, cancellation: Cancellation) -> Iterator[SpeechPiece]:
        return iter(())

    def close(self) -> None:
        assert not self.leases, f"{self.name} was closed while in use"
        assert not self.closed, f"{self.name} was closed twice"
        time.sleep(0.002)  # memory is not given back in no time
        self.closed = True
        self.memory.held.remove(self)


def residency(memory: Memory, clock: TurnedClock, **options: object) -> Residency:
    settings = {"cap": 2, "ttl_s": 60.0, "pinned": "ada", "min_resident_s": 1.0, **options}
    return Residency(memory.load, clock=clock, **settings)  # type: ignore[arg-type]


async def test_fifty_concurrent_requests_share_one_load() -> None:
    memory, clock = Memory(), TurnedClock()
    voices = residency(memory, clock)
    leases = await asyncio.gather(*(voices.acquire("bob") for _ in range(50)))
    assert memory.loads == ["bob"]
    assert voices.leases("bob") == 50
    assert len({id(lease.voice) for lease in leases}) == 1
    for lease in leases:
        lease.release()
    await voices.aclose()


async def test_least_recently_used_idle_voice_is_gone_before_the_new_one_loads() -> None:
    memory, clock = Memory(), TurnedClock()
    voices = residency(memory, clock, pinned="")
    for name in ("ada", "bob"):
        (await voices.acquire(name)).release()
        clock.now_s += 2
    (await voices.acquire("ada")).release()
    clock.now_s += 2
    (await voices.acquire("cy")).release()
    assert memory.most_held == 2
    assert {voice.name for voice in memory.held} == {"ada", "cy"}
    await voices.aclose()
    assert memory.held == []


async def test_voice_in_use_is_not_evicted_and_the_refusal_says_why() -> None:
    memory, clock = Memory(), TurnedClock()
    voices = residency(memory, clock, room_wait_s=0.0)
    held = [await voices.acquire(name) for name in ("ada", "bob")]
    clock.now_s += 2
    with pytest.raises(NoRoomError, match="bob"):
        await voices.acquire("cy")
    assert memory.loads == ["ada", "bob"]
    for lease in held:
        lease.release()
    clock.now_s += 2
    (await voices.acquire("cy")).release()
    assert {voice.name for voice in memory.held} == {"ada", "cy"}, "the pinned voice stays"
    await voices.aclose()


async def test_load_that_finds_no_room_begins_when_a_voice_is_released() -> None:
    memory, clock = Memory(), TurnedClock()
    voices = residency(memory, clock, cap=1, room_wait_s=60.0)
    first = await voices.acquire("ada")
    clock.now_s += 2
    second = asyncio.create_task(voices.acquire("bob"))
    await asyncio.sleep(0)
    assert memory.loads == ["ada"]
    first.release()
    (await second).release()
    assert memory.most_held == 1
    await voices.aclose()


async def test_idle_voice_leaves_after_its_time_and_the_pinned_one_stays() -> None:
    memory, clock = Memory(), TurnedClock()
    voices = residency(memory, clock)
    busy = await voices.acquire("bob")
    (await voices.acquire("ada")).release()
    clock.now_s += 61
    await voices.evict_idle()
    assert {voice.name for voice in memory.held} == {"ada", "bob"}
    busy.release()
    clock.now_s += 59
    await voices.evict_idle()
    assert voices.is_resident("bob")
    clock.now_s += 2
    await voices.evict_idle()
    assert {voice.name for voice in memory.held} == {"ada"}
    await voices.aclose()


async def test_voice_stays_for_its_shortest_residency_though_another_waits() -> None:
    memory, clock = Memory(), TurnedClock()
    voices = residency(memory, clock, cap=1, pinned="", min_resident_s=10.0, room_wait_s=100.0)
    (await voices.acquire("ada")).release()
    waiting = asyncio.create_task(voices.acquire("bob"))
    clock.now_s += 9
    await voices.evict_idle()
    assert memory.loads == ["ada"]
    clock.now_s += 2
    await voices.evict_idle()
    (await waiting).release()
    assert memory.most_held == 1
    await voices.aclose()


async def test_failed_load_fails_all_who_wait_and_the_next_one_tries_again() -> None:
    memory, clock = Memory(), TurnedClock()
    voices = residency(memory, clock)
    memory.failing.add("bob")
    results = await asyncio.gather(
        *(voices.acquire("bob") for _ in range(3)), return_exceptions=True
    )
    assert [type(result) for result in results] == [OSError] * 3
    assert voices.places_taken == 0
    memory.failing.clear()
    (await voices.acquire("bob")).release()
    assert memory.loads == ["bob", "bob"]
    await voices.aclose()


async def test_caller_that_goes_away_leaves_the_load_to_the_others() -> None:
    memory, clock = Memory(steps=10), TurnedClock()
    voices = residency(memory, clock)
    leaver = asyncio.create_task(voices.acquire("bob"))
    stayer = asyncio.create_task(voices.acquire("bob"))
    await asyncio.sleep(0)
    leaver.cancel()
    lease = await stayer
    assert voices.leases("bob") == 1
    lease.release()
    await voices.aclose()


async def test_unloading_a_voice_in_use_is_refused() -> None:
    memory, clock = Memory(), TurnedClock()
    voices = residency(memory, clock)
    lease = await voices.acquire("bob")
    with pytest.raises(VoiceInUseError, match="1 leases"):
        await voices.unload("bob")
    lease.release()
    await voices.unload("bob")
    await voices.unload("bob")
    assert memory.held == []
    await voices.aclose()


async def test_reloaded_voice_speaks_on_until_its_last_lease() -> None:
    memory, clock = Memory(), TurnedClock()
    voices = residency(memory, clock)
    old = await voices.acquire("bob")
    await voices.retire("bob")
    assert old.stale
    new = await voices.acquire("bob")
    assert new.voice is not old.voice
    assert not new.stale
    assert len(memory.held) == 2
    old.release()
    new.release()
    await voices.aclose()
    assert memory.held == []


Operation = tuple[str, str, int]
operations = st.lists(
    st.tuples(
        st.sampled_from(
            ["acquire", "acquire", "acquire", "release", "unload", "retire", "turn", "turn"]
        ),
        st.sampled_from(VOICES),
        st.integers(0, 5),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(operations=operations, cap=st.integers(1, 3), failing=st.sets(st.sampled_from(VOICES[2:])))
def test_cap_holds_and_nothing_in_use_leaves_whatever_happens(
    operations: list[Operation], cap: int, failing: set[str]
) -> None:
    asyncio.run(_play(operations, cap, failing))


async def _play(operations: list[Operation], cap: int, failing: set[str]) -> None:
    memory, clock = Memory(), TurnedClock()
    memory.failing = failing
    voices = residency(memory, clock, cap=cap, ttl_s=30.0, room_wait_s=50.0)
    waiting: list[asyncio.Task[VoiceLease]] = []
    held: list[VoiceLease] = []
    for kind, name, number in operations:
        match kind:
            case "acquire":
                waiting.append(asyncio.create_task(voices.acquire(name)))
            case "release" if held:
                _release(held.pop(number % len(held)))
            case "unload":
                with suppress(VoiceInUseError):
                    await voices.unload(name)
            case "retire":
                await voices.retire(name)
            case "turn":
                clock.now_s += 10.0 * number
                await voices.evict_idle()
        for _ in range(number):
            await asyncio.sleep(0)
        waiting = _collect(waiting, held)
        assert voices.places_taken <= cap
    while waiting or held:
        clock.now_s += 1000.0
        while held:
            _release(held.pop())
        await voices.evict_idle()
        await asyncio.sleep(0)
        waiting = _collect(waiting, held)
    await voices.aclose()
    assert memory.most_held <= cap
    assert memory.held == []


def _collect(
    waiting: list[asyncio.Task[VoiceLease]], held: list[VoiceLease]
) -> list[asyncio.Task[VoiceLease]]:
    """Moves what was acquired to `held`; a load may fail, or find no room."""
    for task in waiting:
        if task.done() and task.exception() is None:
            lease = task.result()
            assert isinstance(lease.voice, MemoryVoice)
            assert not lease.voice.closed
            lease.voice.leases += 1
            held.append(lease)
        elif task.done():
            assert isinstance(task.exception(), OSError | NoRoomError)
    return [task for task in waiting if not task.done()]


def _release(lease: VoiceLease) -> None:
    assert isinstance(lease.voice, MemoryVoice)
    lease.voice.leases -= 1
    lease.release()


async def test_voices_are_loaded_one_after_the_other_and_few_wait_for_it() -> None:
    memory, clock = Memory(steps=20), TurnedClock()
    voices = residency(memory, clock, cap=8, min_resident_s=0.0)
    names = [f"voice-{number}" for number in range(163)]
    outcomes = await asyncio.gather(*map(voices.acquire, names), return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, NoRoomError)]
    assert len(outcomes) - len(refused) == MOST_COMING == len(memory.loads)
    assert memory.most_loading == LOADS_AT_ONCE
    assert isinstance(await voices.acquire(names[-1]), VoiceLease)  # who comes later finds room
