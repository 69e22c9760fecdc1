"""What the agent servers say of their calls: asked at their health ports, all at once."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
from pydantic import ValidationError

from parley.capacity import PATH, Capacity
from parley.clock import Clock, monotonic
from parley.discovery.dns import DnsDiscovery

ANSWER_WITHIN_S = 0.8
"""So that whoever is refused knows it within a second."""
FRESH_S = 0.2
"""An answer serves all who ask within this time."""
BELIEVED_S = 5.0
"""An agent server too busy to answer is believed what it said last, for so long."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Census:
    """All agent servers together. `takers`: those that take calls at all."""

    takers: int = 0
    free: int = 0
    rooms: frozenset[str] = frozenset()
    """Of the calls that agents have, or are just taking."""

    @classmethod
    def of(cls, capacities: list[Capacity]) -> "Census":
        return cls(
            takers=sum(each.takes_calls for each in capacities),
            free=sum(each.free for each in capacities),
            rooms=frozenset(room for each in capacities for room in each.rooms),
        )


@dataclass
class _Answer:
    capacity: Capacity
    at_s: float


class AgentServers:
    """The agent servers at `targets`: host:port, several with commas, or names of several.

    Raises ConfigurationError. Use inside `watching`.
    """

    def __init__(self, targets: str, *, clock: Clock = monotonic) -> None:
        self._discovery = DnsDiscovery(targets)
        self._clock = clock
        self._http: aiohttp.ClientSession
        self._last: dict[str, _Answer] = {}
        self._silent: set[str] = set()
        """Of whom the log has said so."""
        self._census = Census()
        self._looked_at_s: float | None = None
        self._looking = asyncio.Lock()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
        # An idle connection that the other side has just closed must not pass for one that died.
        connector = aiohttp.TCPConnector(force_close=True)
        async with AsyncExitStack() as running:
            self._http = await running.enter_async_context(
                aiohttp.ClientSession(connector=connector, timeout=timeout)
            )
            await running.enter_async_context(self._discovery.watching())
            yield

    async def census(self) -> Census:
        """As it is now; asked once for all who want to know at the same time."""
        async with self._looking:
            now_s = self._clock()
            if self._looked_at_s is None or now_s - self._looked_at_s > FRESH_S:
                targets = [worker.target for worker in self._discovery.workers()]
                answers = await asyncio.gather(*(self._ask(target) for target in targets))
                self._census = Census.of([answer for answer in answers if answer is not None])
                self._looked_at_s = self._clock()
            return self._census

    async def _ask(self, target: str) -> Capacity | None:
        try:
            async with self._http.get(f"http://{target}{PATH}") as response:
                response.raise_for_status()
                capacity = Capacity.model_validate_json(await response.read())
        except TimeoutError:
            last = self._last.get(target)
            if last is not None and self._clock() - last.at_s <= BELIEVED_S:
                return last.capacity
            self._forget(target, f"did not answer within {ANSWER_WITHIN_S:g} s")
            return None
        except (aiohttp.ClientError, ValidationError) as error:
            self._forget(target, str(error))
            return None
        if target not in self._last:
            self._silent.discard(target)
            _log.info("the agent server at %s takes %d calls", target, capacity.max_sessions)
        self._last[target] = _Answer(capacity, self._clock())
        return capacity

    def _forget(self, target: str, why: str) -> None:
        self._last.pop(target, None)
        if target not in self._silent:
            self._silent.add(target)
            _log.warning("the agent server at %s does not say what calls it has: %s", target, why)
