"""Workers behind a DNS name with one address each, such as a headless Kubernetes service."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parley.background import background
from parley.discovery.base import WorkerAddress
from parley.discovery.static import parse_targets

RESOLVE_EVERY_S = 2.0

_log = logging.getLogger(__name__)


class DnsDiscovery:
    """Resolves `name:port` (several with commas) every two seconds.

    A name that cannot be resolved keeps its last known addresses. Raises ConfigurationError.
    """

    def __init__(self, addresses: str) -> None:
        self._names = parse_targets(addresses)
        self._known: dict[str, tuple[WorkerAddress, ...]] = {}

    def workers(self) -> tuple[WorkerAddress, ...]:
        return tuple(worker for name in self._names for worker in self._known.get(name, ()))

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        await self._resolve()
        async with background(self._watch(), name="dns-discovery"):
            yield

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(RESOLVE_EVERY_S)
            await self._resolve()

    async def _resolve(self) -> None:
        loop = asyncio.get_running_loop()
        for name in self._names:
            host, _, port = name.rpartition(":")
            try:
                found = await loop.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
            except OSError as error:
                _log.warning("cannot resolve %s: %s", host, error)
                continue
            addresses = sorted({str(address[0]) for *_, address in found})
            self._known[name] = tuple(
                WorkerAddress(f"[{address}]:{port}" if ":" in address else f"{address}:{port}")
                for address in addresses
            )
