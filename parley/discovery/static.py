"""Workers at addresses that the configuration lists."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parley.discovery.base import WorkerAddress
from parley.errors import ConfigurationError

_TARGET = re.compile(r"^(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+):(\d{1,5})$")


def parse_targets(addresses: str) -> tuple[str, ...]:
    """`host:port`, several separated by commas; raises ConfigurationError."""
    targets = tuple(target.strip() for target in addresses.split(",") if target.strip())
    for target in targets:
        match = _TARGET.match(target)
        if not match or not 0 < int(match[2]) < 65536:
            raise ConfigurationError(f"worker address {target!r} is not host:port")
    if not targets:
        raise ConfigurationError("no worker address is configured")
    return targets


class StaticDiscovery:
    """`addresses` is `host:port`, several separated by commas; raises ConfigurationError."""

    def __init__(self, addresses: str) -> None:
        self._workers = tuple(WorkerAddress(target) for target in parse_targets(addresses))

    def workers(self) -> tuple[WorkerAddress, ...]:
        return self._workers

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        yield
