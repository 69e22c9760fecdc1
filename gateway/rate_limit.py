"""How often one client may ask: a token bucket per address."""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from math import ceil

from parley.clock import Clock, monotonic

MAX_ADDRESSES = 10_000
"""Addresses remembered; the one heard of longest ago is forgotten first."""


class RateLimit:
    """Each address may ask `per_minute` times at once, and as many every minute after."""

    def __init__(self, *, per_minute: int, clock: Clock = monotonic) -> None:
        self._capacity = float(per_minute)
        self._per_s = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def retry_after_s(self, address: str) -> int | None:
        """Takes one request of `address`: None if it may go on, else the seconds to wait."""
        key, now = _client(address), self._clock()
        left, since = self._buckets.pop(key, (self._capacity, now))
        left = min(self._capacity, left + (now - since) * self._per_s)
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left, now)
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        return None if allowed else ceil((1 - left) / self._per_s)


def _client(address: str) -> str:
    """What counts as one client: an IPv6 subscriber holds a whole /64."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is None:
        return ip.exploded[:19]
    return address
