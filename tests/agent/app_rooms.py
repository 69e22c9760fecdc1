"""Real rooms in which the apps of a test answer, with a language model that the test serves."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caller.access import Access, request_access
from caller.client import RoomClient, join
from caller.errors import CallError, CallRefusedError
from caller.loudspeaker import Loudspeaker
from ops.supervisor.parts import PART_NAMES
from ops.supervisor.stack import Stack
from testkit.fake_llm import FakeLlm, llm_serving
from testkit.isolated_config import free_ports, write_config

LONG_S = 60.0


@dataclass(frozen=True)
class AppRooms:
    """One stack that serves several apps; each call chooses one by its name."""

    stack: Stack
    llm_port: int

    @asynccontextmanager
    async def call(self, model: FakeLlm, *, app: str = "") -> AsyncGenerator[RoomClient]:
        """A caller in a room in which the agent is."""
        async with self.answering(model), self.caller(app=app) as client:
            yield client

    def answering(self, model: FakeLlm) -> AbstractAsyncContextManager[str]:
        """Serves the language model to all calls; one at a time."""
        return llm_serving(model, port=self.llm_port)

    @asynccontextmanager
    async def caller(
        self, *, app: str = "", loudspeaker: Loudspeaker | None = None
    ) -> AsyncGenerator[RoomClient]:
        """One of several callers at once, while a model is `answering`."""
        gateway = f"http://127.0.0.1:{self.stack.configuration.orchestrator.server.port}"
        access = await _access(gateway, app)
        async with join(access, loudspeaker=loudspeaker) as client:
            await client.wait_for_agent()
            yield client


async def _access(gateway: str, app: str) -> Access:
    """Asks again when told to: on a busy machine the agents of the calls before are still there."""
    async with asyncio.timeout(LONG_S):
        while True:
            try:
                return await request_access(gateway, app=app)
            except CallRefusedError as refusal:
                if not refusal.wants_room or refusal.retry_after_s is None:
                    raise
                await asyncio.sleep(refusal.retry_after_s)


def start_apps(
    start_stack: Callable[..., Stack],
    folder: Path,
    apps: Mapping[str, Path | str],
    **sections: Mapping[str, Any],
) -> AppRooms:
    """Starts all parts but the language model; `sections`: what else the settings say."""
    (llm_port,) = free_ports(1)
    configuration = write_config(
        folder / "configs",
        orchestrator={
            "agent": {
                "apps": {name: str(file) for name, file in apps.items()},
                "caller_may_approve": True,
            },
            "llm": {"base_url": f"http://127.0.0.1:{llm_port}/v1", "api_key": "k", "model": "f"},
            **sections,
        },
    )
    parts = [part for part in PART_NAMES if part != "llm"]
    return AppRooms(start_stack(*parts, configuration=configuration), llm_port)


async def end_of(client: RoomClient, *, timeout_s: float = LONG_S) -> CallError:
    """Waits until the call has ended without the caller's doing, and says how."""
    try:
        await client.reached(lambda: False, timeout_s=timeout_s)
    except CallError as error:
        return error
    raise AssertionError(f"the call still goes on after {timeout_s:.0f} s")


def agent_words(client: RoomClient, *, since_s: float = 0.0) -> str:
    """What the agent has been heard to say, as the room's transcript has it."""
    return client.transcripts.said_by(client.agent_identity, since_s=since_s)


async def hears(client: RoomClient, words: str, *, since_s: float = 0.0) -> bool:
    """Waits until the agent has said this."""
    return await client.reached(
        lambda: words.lower() in agent_words(client, since_s=since_s).lower(), timeout_s=LONG_S
    )
