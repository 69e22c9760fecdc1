"""The gateway's application over its real ASGI interface, beside a worker that lists voices."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

import grpc
import httpx
import pytest
from pydantic import SecretStr

from gateway.app import create_app
from ops.supervisor.stack import Stack
from parley.capacity import PATH, Capacity
from parley.rpc.v1 import status_pb2, synthesis_pb2, synthesis_pb2_grpc
from parley.settings.orchestrator import (
    AgentSection,
    LiveKitSection,
    OrchestratorSettings,
    ServerSection,
    TtsSection,
)
from parley.small_http import HttpReply, SmallHttpServer
from testkit.isolated_config import free_ports

API_KEY = "parley-test"
API_SECRET = "a secret of more than thirty-two characters"
UNREACHABLE = "127.0.0.1:1"  # nothing listens on port 1


class VoiceLister(synthesis_pb2_grpc.SpeechSynthesisServicer):
    """A worker on the wire that knows its voices and nothing else."""

    def __init__(self, *voices: tuple[str, "status_pb2.VoiceResidency.ValueType"]) -> None:
        self._voices = voices

    async def ListVoices(  # noqa: N802
        self,
        request: synthesis_pb2.ListVoicesRequest,
        context: object,
    ) -> synthesis_pb2.ListVoicesResponse:
        return synthesis_pb2.ListVoicesResponse(
            voices=[
                status_pb2.Voice(
                    name=name,
                    engine="piper",
                    languages=["en-US"],
                    sample_rate_hz=22050,
                    residency=residency,
                    license="CC0-1.0",
                )
                for name, residency in self._voices
            ]
        )


@asynccontextmanager
async def worker_with(service: Callable[[grpc.aio.Server], None]) -> AsyncIterator[str]:
    """The host:port of a worker that has what `service` adds to it."""
    server = grpc.aio.server()
    service(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


def listening(
    *voices: tuple[str, "status_pb2.VoiceResidency.ValueType"],
) -> AbstractAsyncContextManager[str]:
    """The host:port of a worker with these voices."""
    lister = VoiceLister(*voices)  # type: ignore[abstract]  # the other calls are unimplemented
    return worker_with(partial(synthesis_pb2_grpc.add_SpeechSynthesisServicer_to_server, lister))


@pytest.fixture
async def worker() -> AsyncIterator[str]:
    async with listening(
        ("amy", status_pb2.VOICE_RESIDENCY_RESIDENT),
        ("lessac", status_pb2.VOICE_RESIDENCY_REMOTE),
        ("joe", status_pb2.VOICE_RESIDENCY_CACHED),
    ) as address:
        yield address


def settings_with(
    *,
    workers: str = UNREACHABLE,
    public_url: str = "",
    calls_per_minute: int = 60,
    apps: Mapping[str, str] | None = None,
    rooms: Literal["private", "joint"] = "private",
    voices: tuple[str, ...] = (),
    agents: str = "",
    **server: object,
) -> OrchestratorSettings:
    """`agents`: host:port of agent servers whose calls are counted; without any, none are."""
    return OrchestratorSettings(
        server=ServerSection.model_validate(
            {
                "calls_per_minute": calls_per_minute,
                "rooms": rooms,
                "admission": "counted" if agents else "open",
                "agent_address": agents,
                **server,
            }
        ),
        agent=AgentSection(apps=apps or {}),
        livekit=LiveKitSection(
            url=f"ws://{UNREACHABLE}",
            public_url=public_url,
            api_key=API_KEY,
            api_secret=SecretStr(API_SECRET),
        ),
        tts=TtsSection(worker_address=workers, default_model="joe", voices=voices),
    )


@dataclass
class AgentHealthPort:
    """What an agent server says of its calls, on a socket; `silent`: it does not answer."""

    capacity: Capacity = field(default_factory=lambda: Capacity(takes_calls=True, max_sessions=4))
    silent: bool = False
    asked: int = 0
    address: str = ""
    _answers: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self) -> HttpReply:
        self.asked += 1
        if self.silent:
            await self._answers.wait()
        return HttpReply(self.capacity.model_dump_json().encode())


@asynccontextmanager
async def agent_at(agent: AgentHealthPort) -> AsyncIterator[AgentHealthPort]:
    """The agent's health port is open as long as the block lasts."""
    (port,) = free_ports(1)
    server = SmallHttpServer({PATH: agent.answer})
    await server.start("127.0.0.1", port)
    agent.address = f"127.0.0.1:{port}"
    try:
        yield agent
    finally:
        await server.aclose()


class TurnedClock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Serve(Protocol):
    def __call__(
        self,
        settings: OrchestratorSettings,
        *,
        address: str = ...,
        page_folder: Path | None = ...,
        clock: TurnedClock | None = ...,
    ) -> AbstractAsyncContextManager[httpx.AsyncClient]: ...


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Serves the application to a client that comes from `address`."""

    @asynccontextmanager
    async def start(
        settings: OrchestratorSettings,
        *,
        address: str = "127.0.0.1",
        page_folder: Path | None = None,
        clock: TurnedClock | None = None,
    ) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(
            settings, page_folder=page_folder or tmp_path / "absent", clock=clock or TurnedClock()
        )
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 50000))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client,
        ):
            yield client

    return start


@pytest.fixture
def livekit_settings(livekit: Stack) -> LiveKitSection:
    keys = livekit.keys
    return livekit.configuration.orchestrator.livekit.model_copy(
        update={"api_key": keys.api_key, "api_secret": SecretStr(keys.api_secret)}
    )
