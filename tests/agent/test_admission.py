"""An agent takes as many calls as it has room for, also when they come at once."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest
from livekit.agents import AgentServer, JobRequest

from agent.server import TARGET_LOAD, Admission, build_server
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings


@dataclass
class Server:
    """What admission sees of the framework's server."""

    active_jobs: list[str] = field(default_factory=list)


@dataclass
class Request:
    """A job that LiveKit offers; accepting it takes as long as LiveKit takes to assign it."""

    server: Server
    assigned: asyncio.Event
    answer: str = ""

    async def accept(self, *, name: str) -> None:
        await self.assigned.wait()
        self.server.active_jobs.append(name)
        self.answer = "accepted"

    async def reject(self, *, terminate: bool) -> None:
        assert not terminate  # another agent may take it
        self.answer = "rejected"


def admission_for(server: Server, max_sessions: int) -> Admission:
    admission = Admission(max_sessions)
    admission.server = cast(AgentServer, server)
    return admission


async def test_callers_who_come_at_once_are_counted_before_they_are_connected() -> None:
    server, assigned = Server(), asyncio.Event()
    admission = admission_for(server, 2)
    requests = [Request(server, assigned) for _ in range(3)]
    answers = [asyncio.create_task(admission.answer(cast(JobRequest, r))) for r in requests]
    await asyncio.sleep(0)
    assigned.set()
    await asyncio.gather(*answers)
    assert [request.answer for request in requests] == ["accepted", "accepted", "rejected"]


async def test_a_place_is_free_again_when_a_call_has_ended() -> None:
    server, assigned = Server(["call"]), asyncio.Event()
    assigned.set()
    admission = admission_for(server, 1)
    full, free = Request(server, assigned), Request(server, assigned)
    await admission.answer(cast(JobRequest, full))
    server.active_jobs.clear()
    await admission.answer(cast(JobRequest, free))
    assert (full.answer, free.answer) == ("rejected", "accepted")


@pytest.mark.parametrize("max_sessions", [1, 3, 4, 7])
def test_livekit_offers_calls_until_there_is_no_room(max_sessions: int) -> None:
    server = Server()
    admission = admission_for(server, max_sessions)
    for calls in range(max_sessions):
        server.active_jobs = ["call"] * calls
        assert admission.load(admission.server) < TARGET_LOAD
    server.active_jobs = ["call"] * max_sessions
    assert admission.load(admission.server) >= TARGET_LOAD


def test_a_server_without_keys_names_what_is_missing() -> None:
    with pytest.raises(ConfigurationError, match="LIVEKIT_API_SECRET"):
        build_server(OrchestratorSettings())
