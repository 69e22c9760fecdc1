"""An agent takes as many calls as it has room for, also when they come at once."""

import asyncio
from dataclasses import dataclass
from typing import cast

import pytest
from livekit.agents import AgentServer, JobRequest
from livekit.protocol.models import Room

from agent.admission import TARGET_LOAD, Admission
from agent.server import build_server
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings


@dataclass
class Request:
    """A job that LiveKit offers; accepting it takes as long as LiveKit takes to assign it."""

    id: str
    jobs: dict[str, str]
    assigned: asyncio.Event
    answer: str = ""

    @property
    def room(self) -> Room:
        return Room(name=f"room of {self.id}")

    async def accept(self, *, name: str) -> None:
        await self.assigned.wait()
        self.jobs[self.id] = self.room.name
        self.answer = "accepted"

    async def reject(self, *, terminate: bool) -> None:
        assert not terminate  # another agent may take it
        self.answer = "rejected"


async def test_callers_who_come_at_once_are_counted_before_they_are_connected() -> None:
    jobs, assigned = dict[str, str](), asyncio.Event()
    admission = Admission(2, lambda: jobs)
    requests = [Request(name, jobs, assigned) for name in "abc"]
    answers = [asyncio.create_task(admission.answer(cast(JobRequest, r))) for r in requests]
    await asyncio.sleep(0)
    assert admission.rooms() == ("room of a", "room of b")
    assigned.set()
    await asyncio.gather(*answers)
    assert [request.answer for request in requests] == ["accepted", "accepted", "rejected"]
    assert admission.rooms() == ("room of a", "room of b")


async def test_a_place_is_free_again_when_a_call_has_ended() -> None:
    jobs, assigned = {"a": "room of a"}, asyncio.Event()
    assigned.set()
    admission = Admission(1, lambda: jobs)
    full, free = Request("b", jobs, assigned), Request("c", jobs, assigned)
    await admission.answer(cast(JobRequest, full))
    jobs.clear()
    await admission.answer(cast(JobRequest, free))
    assert (full.answer, free.answer) == ("rejected", "accepted")


@pytest.mark.parametrize("max_sessions", [1, 3, 4, 7])
def test_livekit_offers_every_call_and_the_emptier_servers_first(max_sessions: int) -> None:
    """It hears of a load late: a server that seemed full would miss who calls just after."""
    server = cast(AgentServer, None)
    loads = [
        Admission(max_sessions, lambda calls=calls: {f"{n}": "room" for n in range(calls)}).load(
            server
        )  # type: ignore[misc]
        for calls in range(max_sessions + 1)
    ]
    assert loads == sorted(loads)
    assert loads[0] == 0
    assert max(loads) < TARGET_LOAD


def test_a_server_without_keys_names_what_is_missing() -> None:
    with pytest.raises(ConfigurationError, match="LIVEKIT_API_SECRET"):
        build_server(OrchestratorSettings())
