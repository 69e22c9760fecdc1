"""A Parley of a benchmark's own: on free ports, in a folder that goes with it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from caller.access import Access
from gateway.calls.tokens import CallTokens
from ops.supervisor.stack import Stack
from testkit.isolated_config import forget_own_settings, write_config
from testkit.told_scripts import MODEL

PARTS = ("livekit", "tts", "asr", "agent")
"""Neither the page nor the local model; rooms are opened with the stack's own keys."""


class OwnParley:
    """A running Parley; made by `running`."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def access(self) -> Access:
        """To a new room, where the agent will be."""
        settings = self.stack.configuration.orchestrator.livekit
        keys = self.stack.keys.for_clients()
        granted = CallTokens(
            settings.model_copy(
                update={
                    "api_key": keys["LIVEKIT_API_KEY"],
                    "api_secret": type(settings.api_secret)(keys["LIVEKIT_API_SECRET"]),
                }
            )
        ).grant()
        return Access(
            url=granted.url, token=granted.token, room=granted.room, identity=granted.identity
        )

    @property
    def keys(self) -> tuple[str, str]:
        """The key and the secret of its LiveKit server."""
        keys = self.stack.keys.for_clients()
        return keys["LIVEKIT_API_KEY"], keys["LIVEKIT_API_SECRET"]

    @property
    def asr_address(self) -> str:
        return self.stack.configuration.orchestrator.asr.worker_address

    @property
    def tts_address(self) -> str:
        return self.stack.configuration.orchestrator.tts.worker_address


@asynccontextmanager
async def running(
    *,
    llm_url: str,
    max_sessions: int = 4,
    unfinished_wait_s: float = 0.5,
    parts: Collection[str] = PARTS,
    orchestrator: Mapping[str, Any] | None = None,
    worker: Mapping[str, Any] | None = None,
) -> AsyncIterator[OwnParley]:
    """Starts the parts and ends them, however the block is left; raises ParleyError.

    Everything is at the project's defaults but the ports, the model, the greeting (none), and
    `unfinished_wait_s`, the wait after a sentence that seems unfinished: short, for interruptions
    are cut from recordings. `orchestrator` and `worker` are changes of the two files.
    """
    changed: dict[str, Any] = {
        "llm": {"base_url": llm_url, "api_key": "none", "model": MODEL},
        "agent": {"greeting": "", "max_sessions": max_sessions},
        "turn": {"endpointing_max_delay_s": unfinished_wait_s},
    }
    for section, values in (orchestrator or {}).items():
        changed[section] = {**changed.get(section, {}), **values}
    async with _running(parts, changed, worker or {}) as parley:
        yield parley


@asynccontextmanager
async def running_with_local_model(
    *,
    orchestrator: Mapping[str, Any] | None = None,
    worker: Mapping[str, Any] | None = None,
) -> AsyncIterator[OwnParley]:
    """The same with the local language model, and all at the project's defaults but the ports, the
    greeting (none), and the settings given: changes of the two files."""
    changed = {"agent": {"greeting": ""}}
    for section, values in (orchestrator or {}).items():
        changed[section] = {**changed.get(section, {}), **values}
    async with _running((*PARTS, "llm"), changed, worker or {}) as parley:
        yield parley


@asynccontextmanager
async def _running(
    parts: Collection[str], orchestrator: Mapping[str, Any], worker: Mapping[str, Any]
) -> AsyncIterator[OwnParley]:
    forget_own_settings()
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        config = write_config(Path(folder) / "configs", orchestrator=orchestrator, worker=worker)
        stack = Stack(config, Path(folder) / "state", parts=parts)
        try:
            await asyncio.to_thread(stack.start)
            yield OwnParley(stack)
        finally:
            await asyncio.to_thread(stack.stop)
