"""Admission: a token is granted while some agent has room for the call that it opens.

Room is what the agent servers have free, less the calls that are on their way: tokens granted here
and not yet used, and persons who stand in a room without an agent, whichever gateway let them in.
Several gateways do not know of each other's unused tokens: for the second that a caller takes to
join, each may grant what another has granted.
"""

from http import HTTPStatus

from gateway.calls.agents import AgentServers, Census
from gateway.calls.waiting import WaitingCalls
from gateway.errors import ApiError
from parley.clock import Clock, monotonic

JOINS_WITHIN_S = 10.0
"""A token that has not been used by then holds no place any more."""
FULL_RETRY_S = 3
"""When to come back: a call may end at any time."""
NO_AGENT_RETRY_S = 5


class Door:
    """Counts the calls on their way; `waiting` knows who stands in a room without an agent."""

    def __init__(
        self, agents: AgentServers, waiting: WaitingCalls, *, clock: Clock = monotonic
    ) -> None:
        self._agents = agents
        self._waiting = waiting
        self._clock = clock
        self._granted: dict[str, float] = {}

    async def check(self) -> Census:
        """What agents there are; raises ApiError where none takes calls."""
        census = await self._agents.census()
        if not census.takers:
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "no_agent",
                "no agent takes calls at present",
                retry_after_s=NO_AGENT_RETRY_S,
            )
        return census

    def claim(self, room: str, census: Census) -> None:
        """Holds a place for the call in `room`; raises ApiError where there is none.

        Does not wait: between counting and claiming nobody else comes.
        """
        on_the_way = self._on_the_way(census)
        if room in census.rooms or room in on_the_way:  # its agent is there, or on its way
            return
        if len(on_the_way) >= census.free:
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "at_capacity",
                f"all agents are in a call; try again in {FULL_RETRY_S} s",
                retry_after_s=FULL_RETRY_S,
            )
        self._granted[room] = self._clock()

    def _on_the_way(self, census: Census) -> set[str]:
        oldest_s = self._clock() - JOINS_WITHIN_S
        self._granted = {
            room: at_s
            for room, at_s in self._granted.items()
            if at_s >= oldest_s and room not in census.rooms
        }
        return self._granted.keys() | (self._waiting.rooms - census.rooms)
