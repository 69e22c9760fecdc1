"""Admission: a token is granted while some agent has room for the call that it opens.

Room is what the agent servers have free, less the calls that are on their way: tokens granted and
not yet used (`places`), and persons who stand in a room without an agent, whichever gateway let
them in.
"""

from http import HTTPStatus

from gateway.calls.agents import AgentServers, Census
from gateway.calls.places import Places
from gateway.calls.waiting import WaitingCalls
from gateway.errors import ApiError

FULL_RETRY_S = 3
"""When to come back: a call may end at any time."""
NO_AGENT_RETRY_S = 5


class Door:
    """Counts the calls on their way; `waiting` knows who stands in a room without an agent."""

    def __init__(self, agents: AgentServers, waiting: WaitingCalls, places: Places) -> None:
        self._agents = agents
        self._waiting = waiting
        self._places = places

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

    async def claim(self, room: str, census: Census) -> None:
        """Holds a place for the call in `room`; raises ApiError where there is none."""
        if room in census.rooms:  # its agent is there
            return
        waiting = self._waiting.rooms - census.rooms
        if not await self._places.hold(room, free=census.free, there=census.rooms, waiting=waiting):
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "at_capacity",
                f"all agents are in a call; try again in {FULL_RETRY_S} s",
                retry_after_s=FULL_RETRY_S,
            )
