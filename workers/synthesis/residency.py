"""Which voices are in memory: loaded on demand, each once, never more than the cap at a time."""

import asyncio
import ctypes
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from parley.clock import Clock, monotonic
from parley.errors import ParleyError
from workers.engines.tts_engine import LoadedVoice

_log = logging.getLogger(__name__)

LOADS_AT_ONCE = 1
"""A load takes the cores from those that speak."""
MOST_COMING = 4
"""Voices that are loaded or wait for it."""

Load = Callable[[str], Awaitable[LoadedVoice]]


class NoRoomError(ParleyError):
    """Every place is taken by a voice that is in use."""


class VoiceInUseError(ParleyError):
    """The voice cannot leave: an utterance uses it or it is being loaded."""


@dataclass(eq=False)
class _Resident:
    """One copy of a voice. Until `voice` is set it is being loaded; a retired one takes no new
    leases and leaves with its last."""

    name: str
    voice: LoadedVoice | None = None
    has_place: bool = False
    retired: bool = False
    leases: int = 0
    loaded_s: float = 0.0
    used_s: float = 0.0
    loading: "asyncio.Task[None] | None" = field(default=None, repr=False)


class VoiceLease:
    """Keeps a voice in memory until released."""

    def __init__(self, residency: "Residency", resident: _Resident, voice: LoadedVoice) -> None:
        self.voice = voice
        self._residency = residency
        self._resident: _Resident | None = resident

    @property
    def stale(self) -> bool:
        """Whether the voice has been retired: take a new lease to speak with its successor."""
        return self._resident is not None and self._resident.retired

    def release(self) -> None:
        resident, self._resident = self._resident, None
        if resident is not None:
            self._residency._release(resident)


class Residency:
    """Owns the voices of a worker; belongs to one event loop.

    At most `cap` copies hold memory at any moment, a load in progress and one that is leaving
    included: the least recently used idle voice is gone before its successor loads. One is loaded
    at a time, and few wait for it: more are refused. `pinned`
    never leaves by itself (where the cap is 1, only for another voice). A voice stays for
    `min_resident_s` at least, so that two voices asked for in turn do not evict each other at
    every utterance, and leaves when idle for `ttl_s` (0: never).
    """

    def __init__(
        self,
        load: Load,
        *,
        cap: int,
        ttl_s: float,
        pinned: str,
        min_resident_s: float = 1.0,
        room_wait_s: float = 5.0,
        clock: Clock = monotonic,
    ) -> None:
        self._load = load
        self._cap = cap
        self._ttl_s = ttl_s
        self._pinned = pinned
        self._min_resident_s = min_resident_s
        self._room_wait_s = room_wait_s
        self._clock = clock
        self._residents: list[_Resident] = []
        self._loads = asyncio.Semaphore(LOADS_AT_ONCE)
        self._leaving: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    async def acquire(self, name: str) -> VoiceLease:
        """A lease on the voice, loaded first where it has to be; concurrent calls share a load.

        Raises NoRoomError, or what the load raises. A caller that is cancelled leaves the load
        to the others.
        """
        resident = self._current(name)
        if resident is None:
            coming = sum(each.voice is None and not each.retired for each in self._residents)
            if coming >= MOST_COMING:
                raise NoRoomError(f"voice {name} has to wait: {coming} others are being loaded")
            resident = _Resident(name)
            self._residents.append(resident)
            resident.loading = asyncio.create_task(self._fill(resident), name=f"load {name}")
            resident.loading.add_done_callback(lambda task: task.cancelled() or task.exception())
        resident.leases += 1
        try:
            if resident.loading is not None:
                await asyncio.shield(resident.loading)
            assert resident.voice is not None
            return VoiceLease(self, resident, resident.voice)
        except BaseException:
            self._release(resident)
            raise

    def is_loading(self, name: str) -> bool:
        resident = self._current(name)
        return resident is not None and resident.voice is None

    def is_resident(self, name: str) -> bool:
        resident = self._current(name)
        return resident is not None and resident.voice is not None

    def leases(self, name: str) -> int:
        return sum(resident.leases for resident in self._residents if resident.name == name)

    @property
    def places_taken(self) -> int:
        """Copies that hold memory; never above the cap."""
        return sum(resident.has_place for resident in self._residents)

    async def unload(self, name: str) -> None:
        """Gives the voice's memory back; nothing to do where it has none.

        Raises VoiceInUseError.
        """
        resident = self._current(name)
        if resident is None:
            return
        if resident.leases or resident.voice is None:
            state = f"has {resident.leases} leases" if resident.voice else "is being loaded"
            raise VoiceInUseError(f"voice {name} {state}")
        await self._evict(resident)

    async def retire(self, name: str) -> None:
        """Has the voice loaded afresh by whoever takes the next lease on it."""
        resident = self._current(name)
        if resident is None or resident.voice is None:
            return
        if resident.leases:
            resident.retired = True
        else:
            await self._evict(resident)

    async def evict_idle(self) -> float:
        """Lets go of voices idle beyond their time; gives the seconds until the next may be."""
        now = self._clock()
        for resident in [r for r in self._residents if self._idle_until(r) <= now]:
            if not resident.leases and not resident.retired:
                await self._evict(resident)
        self._wake()
        waits = [self._idle_until(resident) - self._clock() for resident in self._residents]
        return max(0.05, min([self._ttl_s or 60.0, *waits]))

    async def keep_evicting(self) -> None:
        """Runs until cancelled."""
        while True:  # noqa: ASYNC110 - time itself is what is waited for
            await asyncio.sleep(await self.evict_idle())

    async def aclose(self) -> None:
        """Waits for loads in progress and gives everything back."""
        loads = [r.loading for r in self._residents if r.loading is not None]
        await asyncio.gather(*loads, *self._leaving, return_exceptions=True)
        for resident in list(self._residents):
            await self._evict(resident)

    def _current(self, name: str) -> _Resident | None:
        return next((r for r in self._residents if r.name == name and not r.retired), None)

    def _idle_until(self, resident: _Resident) -> float:
        """When this voice leaves if nobody uses it."""
        lasting = not self._ttl_s or resident.name == self._pinned
        if resident.voice is None or resident.leases or lasting:
            return float("inf")
        return max(resident.used_s + self._ttl_s, resident.loaded_s + self._min_resident_s)

    async def _fill(self, resident: _Resident) -> None:
        try:
            async with self._loads:
                await self._make_room(resident)
                resident.voice = await self._load(resident.name)
            resident.loaded_s = resident.used_s = self._clock()
            resident.loading = None
        except BaseException:
            resident.retired = True
            self._residents.remove(resident)
            raise
        finally:
            self._wake()

    async def _make_room(self, resident: _Resident) -> None:
        deadline = self._clock() + self._room_wait_s
        while self.places_taken >= self._cap:
            idle = [r for r in self._residents if self._may_leave(r)]
            now = self._clock()
            ripe = [r for r in idle if r.loaded_s + self._min_resident_s <= now]
            if ripe:
                await self._evict(min(ripe, key=lambda r: r.used_s))
                continue
            if now >= deadline:
                in_use = ", ".join(r.name for r in self._residents if r.has_place)
                raise NoRoomError(
                    f"voice {resident.name} has no room: all {self._cap} places are taken by "
                    f"voices in use ({in_use}); raise RESIDENT_CAP or ask another worker"
                )
            until = min([deadline, *(r.loaded_s + self._min_resident_s for r in idle)])
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, until - now)):
                    await self._changed.wait()
        resident.has_place = True

    def _may_leave(self, resident: _Resident) -> bool:
        if resident.name == self._pinned and self._cap > 1:
            return False
        return resident.voice is not None and not resident.leases and not resident.retired

    def _release(self, resident: _Resident) -> None:
        resident.leases -= 1
        resident.used_s = self._clock()
        if resident.retired and not resident.leases and resident in self._residents:
            task = asyncio.create_task(self._evict(resident), name=f"unload {resident.name}")
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
        self._wake()

    async def _evict(self, resident: _Resident) -> None:
        resident.retired = True
        voice, resident.voice = resident.voice, None
        if voice is None:
            return
        _log.info("unloading voice %s", resident.name)
        await asyncio.to_thread(_give_back, voice)
        self._residents.remove(resident)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _give_back(voice: LoadedVoice) -> None:
    voice.close()
    del voice
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # glibc keeps freed memory to itself until it is asked
        libc.malloc_trim(0)
