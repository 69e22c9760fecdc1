"""Calls survive their agent: where it has died, another is dispatched. LiveKit does not do that.

A call has ended when its room or its dispatch was deleted, or its person has left. Otherwise a
person without an agent has lost it. LiveKit tells of a dispatch which agent server took it and
nothing that happened later, so it is the participants that are looked at. It keeps a participant
whose process was killed for 20 s; the agent server that had the process takes it out at once, and
leaves a note.
"""

import asyncio
import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from livekit import api
from livekit.protocol.agent_dispatch import AgentDispatch
from prometheus_client import Counter

from gateway.calls.agents import AgentServers
from gateway.calls.budgets import CallMeter
from gateway.calls.claims import replace_dispatch
from gateway.calls.lost_agents import DECLINED_S, MOST_DISPATCHES, UNTAKEN_S, WITHIN_S, CallLooks
from gateway.calls.waiting import WaitingCalls
from parley.clock import Clock, monotonic
from parley.room_events import AGENT_NAME_ATTRIBUTE, LOST_JOB_AGENT
from parley.settings.orchestrator import LiveKitSection

INTERVAL_S = 0.5
ROOMS_PER_S = 80
"""Rooms that one gateway looks at; with more it comes round less often."""
LOOKS_AT_ONCE = 8
REQUEST_TIMEOUT_S = 5.0
RETRY_S = 5.0
"""After a LiveKit server that does not answer."""

_log = logging.getLogger(__name__)
_PERSONS = (api.ParticipantInfo.Kind.STANDARD, api.ParticipantInfo.Kind.SIP)


@asynccontextmanager
async def watching_calls(
    settings: LiveKitSection,
    outcomes: Counter,
    *,
    agents: AgentServers | None = None,
    waiting: WaitingCalls | None = None,
    meter: CallMeter | None = None,
) -> AsyncIterator[None]:
    """Watches the rooms of the LiveKit server in the settings, as long as the block lasts."""
    async with api.LiveKitAPI(
        settings.url,
        settings.api_key,
        settings.api_secret.get_secret_value(),
        timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S),
        failover=False,
    ) as livekit:
        watcher = CallWatcher(
            livekit,
            agent_name=settings.agent_name,
            outcomes=outcomes,
            agents=agents,
            waiting=waiting,
            meter=meter,
        )
        watching = asyncio.create_task(watcher.run(), name="call-watcher")
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


class CallWatcher:
    """Gives calls whose agent `agent_name` has died another one; counts in `outcomes`.

    Where `agents` are known, a call that none has taken gets one as soon as there is room. Calls
    without an agent are in `waiting`; `meter` is told which rooms there are.
    """

    def __init__(
        self,
        livekit: api.LiveKitAPI,
        *,
        agent_name: str,
        outcomes: Counter,
        agents: AgentServers | None = None,
        waiting: WaitingCalls | None = None,
        meter: CallMeter | None = None,
        clock: Clock = monotonic,
    ) -> None:
        self._livekit = livekit
        self._agent_name = agent_name
        self._outcomes = outcomes
        self._agents = agents
        self._waiting = waiting or WaitingCalls()
        self._meter = meter
        self._clock = clock
        self._calls: dict[str, CallLooks] = {}
        self._given_up: set[str] = set()
        self._looking = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def run(self) -> None:
        """Until it is cancelled."""
        is_reachable = True
        while True:
            try:
                rooms = await self.look()
            except (TimeoutError, aiohttp.ClientError, api.ServerError) as error:
                if is_reachable:
                    _log.warning("calls are not watched, LiveKit does not answer: %s", error)
                is_reachable = False
                await asyncio.sleep(RETRY_S)
                continue
            is_reachable = True
            await asyncio.sleep(max(INTERVAL_S, rooms / ROOMS_PER_S))

    async def look(self) -> int:
        """Looks at every room once and does what is due; returns how many there are."""
        listed = await self._livekit.room.list_rooms(api.ListRoomsRequest())
        rooms = {room.sid: room.name for room in listed.rooms}
        for gone in self._calls.keys() - rooms.keys():
            del self._calls[gone]
        self._given_up &= rooms.keys()
        self._waiting.keep_only(rooms.keys())
        if self._meter is not None:
            await self._meter.look(frozenset(rooms.values()))
        looks = (self._look_at(sid, name) for sid, name in rooms.items())
        for failure in await asyncio.gather(*looks, return_exceptions=True):
            if failure is not None:  # one room's, after all have been looked at
                raise failure
        return len(rooms)

    async def _look_at(self, sid: str, room: str) -> None:
        if sid in self._given_up:
            return
        async with self._looking:
            try:
                await self._judge(sid, room)
            except api.ServerError as error:
                if error.code != api.ServerErrorCode.NOT_FOUND:  # the room has just ended
                    raise

    async def _judge(self, sid: str, room: str) -> None:
        call = self._calls.setdefault(sid, CallLooks())
        has_person, has_agent = await self._present(room)
        if not call.look(self._clock(), has_person=has_person, has_agent=has_agent):
            self._waiting.remove(sid)
            return
        dispatches = await self._livekit.agent_dispatch.list_dispatch(room)
        ours = [one for one in dispatches if one.agent_name == self._agent_name]
        if not ours:  # not a call of ours, or one that has ended
            self._waiting.remove(sid)
            return
        self._waiting.add(sid, room)
        dispatch = max(ours, key=lambda one: one.state.created_at)
        has_died = any(
            note.agent_name == LOST_JOB_AGENT and note.metadata == dispatch.id
            for note in dispatches
        )
        is_taken = has_died or bool(dispatch.state.jobs)
        untaken_s = UNTAKEN_S
        if not is_taken and self._agents is not None:
            census = await self._agents.census()
            is_taken = room in census.rooms  # LiveKit tells of it later
            untaken_s = DECLINED_S if census.free else math.inf
        if not call.has_lost_agent(
            self._clock(),
            dispatch=dispatch.id,
            is_taken=is_taken,
            has_died=has_died,
            untaken_s=untaken_s,
        ):
            return
        if not call.may_dispatch(self._clock()):
            self._give_up(sid, room)
            return
        await self._replace(call, dispatch, is_resumed=call.agent_was_there or is_taken)

    async def _replace(self, call: CallLooks, old: AgentDispatch, *, is_resumed: bool) -> None:
        new = await replace_dispatch(self._livekit, old, is_resumed=is_resumed)
        if new is None:
            self._outcomes.labels("left_to_another").inc()
            return
        call.dispatched(self._clock(), dispatch=new.id)
        self._outcomes.labels("dispatched").inc()
        _log.warning("the call in %s has lost its agent: another is dispatched", old.room)

    def _give_up(self, sid: str, room: str) -> None:
        self._given_up.add(sid)
        self._waiting.remove(sid)
        self._outcomes.labels("given_up").inc()
        _log.error(
            "the call in %s was given %d agents within %d s and has none: it gets no other",
            room,
            MOST_DISPATCHES,
            WITHIN_S,
        )

    async def _present(self, room: str) -> tuple[bool, bool]:
        """Whether a person and whether an agent of ours is in the room."""
        listed = await self._livekit.room.list_participants(api.ListParticipantsRequest(room=room))
        present = [
            who
            for who in listed.participants
            if who.state != api.ParticipantInfo.State.DISCONNECTED
        ]
        has_agent = any(
            who.kind == api.ParticipantInfo.Kind.AGENT
            and who.attributes.get(AGENT_NAME_ATTRIBUTE, self._agent_name) == self._agent_name
            for who in present
        )
        return any(who.kind in _PERSONS for who in present), has_agent
