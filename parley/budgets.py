"""What one identity may use in a while, counted by all together in Redis where there is one.

An identity is a text that tells nobody who it is (gateway/identity.py makes it). What it has used
is kept as one number: the time at which nothing of it would count any more.
"""

from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import Protocol

from parley.clock import Clock, monotonic
from parley.settings import OrchestratorSettings
from parley.settings.budgets import BudgetsSection
from parley.shared_redis import GRANTED_WITHIN_S, SharedRedis

PREFIX = "parley:budget:"
MOST_ACCOUNTS = 20_000
"""Remembered in a process; the one heard of longest ago is forgotten first."""
HOUR_S, DAY_S = 3600.0, 86_400.0
_ROUNDING_S = 0.002

# ARGV: milliseconds that the booking costs, those that there are, whether it is booked in any case.
_BOOK = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local used = full_at - now
local cost = tonumber(ARGV[1])
if ARGV[3] ~= '1' and used + cost > tonumber(ARGV[2]) then return {0, math.ceil(used)} end
full_at = full_at + cost
if cost ~= 0 then
  redis.call('SET', KEYS[1], full_at, 'PX', math.max(math.ceil(full_at - now), 1))
end
return {1, math.ceil(used)}
"""


class Spent(StrEnum):
    """What is counted."""

    CALLS = "calls"
    CALL_SECONDS = "call_seconds"
    VOICE_CHANGES = "voice_changes"
    MESSAGES = "messages"


@dataclass(frozen=True)
class LedgerEntry:
    """`used_s`: seconds' worth of the budget that were used before it."""

    is_booked: bool
    used_s: float


class Ledger(Protocol):
    """Accounts by name; what is on one goes down by a second each second."""

    async def book(self, name: str, cost_s: float, room_s: float, *, always: bool) -> LedgerEntry:
        """Books `cost_s` where that leaves no more than `room_s` on the account, or `always`; a
        cost below nothing gives back."""
        ...

    async def aclose(self) -> None: ...


class OwnLedger:
    """Of this process."""

    def __init__(self, *, clock: Clock = monotonic) -> None:
        self._clock = clock
        self._full_at_s: OrderedDict[str, float] = OrderedDict()

    async def book(self, name: str, cost_s: float, room_s: float, *, always: bool) -> LedgerEntry:
        """See Ledger."""
        now_s = self._clock()
        full_at_s = max(self._full_at_s.pop(name, now_s), now_s)
        used_s = full_at_s - now_s
        is_booked = always or used_s + cost_s <= room_s
        if is_booked:
            full_at_s += cost_s
        if full_at_s > now_s:
            self._full_at_s[name] = full_at_s
        if len(self._full_at_s) > MOST_ACCOUNTS:
            self._full_at_s.popitem(last=False)
        return LedgerEntry(is_booked, used_s)

    async def aclose(self) -> None:
        """Nothing is held."""


class SharedLedger:
    """Of all processes over one Redis; while that is away, each counts by itself.

    Raises ConfigurationError for a `url` that is no Redis address.
    """

    def __init__(
        self, url: str, *, clock: Clock = monotonic, timeout_s: float = GRANTED_WITHIN_S
    ) -> None:
        self._redis = SharedRedis(url, what="the budgets", clock=clock, timeout_s=timeout_s)
        self._own = OwnLedger(clock=clock)

    async def book(self, name: str, cost_s: float, room_s: float, *, always: bool) -> LedgerEntry:
        """See Ledger."""
        milliseconds = [round(cost_s * 1000, 3), round(room_s * 1000, 3), int(always)]
        reply = await self._redis.run(_BOOK, [PREFIX + name], milliseconds)
        if reply is None:
            return await self._own.book(name, cost_s, room_s, always=always)
        booked, used_ms = reply
        return LedgerEntry(bool(booked), int(used_ms) / 1000)

    async def aclose(self) -> None:
        await self._redis.aclose()


@dataclass(frozen=True)
class Allowance:
    """`amount` in `within_s` seconds."""

    amount: int
    within_s: float

    def cost_s(self, amount: float) -> float:
        return amount * self.within_s / self.amount


class Budgets:
    """What identities may use, as the settings say; where these set no limit, nothing is counted.
    Closes the ledger."""

    def __init__(self, section: BudgetsSection, ledger: Ledger) -> None:
        limits = {
            Spent.CALLS: Allowance(section.calls_per_hour, HOUR_S),
            Spent.CALL_SECONDS: Allowance(60 * section.call_minutes_per_day, DAY_S),
            Spent.VOICE_CHANGES: Allowance(section.voice_changes_per_hour, HOUR_S),
            Spent.MESSAGES: Allowance(section.messages_per_hour, HOUR_S),
        }
        self._limits = {what: limit for what, limit in limits.items() if limit.amount}
        self._ledger = ledger

    async def spend(self, what: Spent, identity: str) -> int | None:
        """Takes one: None if it may be, else the whole seconds to wait, and nothing is taken."""
        limit = self._limits.get(what)
        if limit is None or not identity:
            return None
        cost_s = limit.cost_s(1)
        booking = await self._book(what, identity, cost_s, always=False)
        return None if booking.is_booked else _wait_s(booking, cost_s, limit)

    async def charge(self, what: Spent, identity: str, amount: float) -> None:
        """Books what has been used already, whatever is left; below 0 gives back."""
        limit = self._limits.get(what)
        if limit is not None and identity:
            await self._book(what, identity, limit.cost_s(amount), always=True)

    async def left(self, what: Spent, identity: str) -> float | None:
        """How much of it may be used now; None: without limit."""
        limit = self._limits.get(what)
        if limit is None or not identity:
            return None
        used_s = (await self._book(what, identity, 0.0, always=False)).used_s
        return max(0.0, (limit.within_s - used_s) / limit.cost_s(1))

    async def wait_s(self, what: Spent, identity: str, amount: float) -> int | None:
        """Whole seconds until so much of it is left; None: it is."""
        limit = self._limits.get(what)
        if limit is None or not identity:
            return None
        cost_s = limit.cost_s(min(amount, limit.amount))
        booking = await self._book(what, identity, 0.0, always=False)
        is_left = booking.used_s + cost_s <= limit.within_s + _ROUNDING_S
        return None if is_left else _wait_s(booking, cost_s, limit)

    async def aclose(self) -> None:
        await self._ledger.aclose()

    async def _book(
        self, what: Spent, identity: str, cost_s: float, *, always: bool
    ) -> LedgerEntry:
        room_s = self._limits[what].within_s + _ROUNDING_S
        return await self._ledger.book(f"{what}:{identity}", cost_s, room_s, always=always)


def _wait_s(booking: LedgerEntry, cost_s: float, limit: Allowance) -> int:
    return max(1, ceil(booking.used_s + cost_s - limit.within_s))


def budgets_of(settings: OrchestratorSettings, *, clock: Clock = monotonic) -> Budgets:
    """Counted in the Redis that the settings name: that of `redis.url`, or of the sessions.

    Raises ConfigurationError for what is no Redis address.
    """
    sessions = settings.sessions
    of_sessions = sessions.url.get_secret_value() if sessions.store == "redis" else ""
    url = settings.redis.url or of_sessions
    ledger = SharedLedger(url, clock=clock) if url else OwnLedger(clock=clock)
    return Budgets(settings.budgets, ledger)


def in_words(wait_s: int) -> str:
    """How long somebody has to wait, for people: "40 seconds", "12 minutes", "3 hours"."""
    if wait_s < 120:
        return f"{wait_s} second{'' if wait_s == 1 else 's'}"
    if wait_s < 2 * HOUR_S:
        return f"{ceil(wait_s / 60)} minutes"
    return f"{ceil(wait_s / HOUR_S)} hours"


async def without_limit() -> int | None:
    """In place of a budget's: as often as one likes."""
    return None
