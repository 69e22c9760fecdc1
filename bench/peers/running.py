"""Starts a peer beside a Parley, in its own environment, and opens calls to it.

It joins the rooms of Parley's LiveKit server, asks Parley's local language model, and hears and
speaks with Parley's workers through its own OpenAI plugins (`bench/peers/speech_server.py`).
"""

import asyncio
import re
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from livekit import api

from bench.loopback import speaker_token
from caller.access import Access
from ops.supervisor.environment import base_environment
from ops.supervisor.part import Part
from ops.supervisor.part_log import PartLog
from ops.supervisor.part_process import PartProcess
from ops.supervisor.readiness import until_ready
from ops.toolchain.engine_environment import EngineEnvironment
from parley import paths
from parley.errors import SupervisorError
from testkit.isolated_config import HOST, free_ports
from testkit.isolated_instance import OwnParley

_HERE = Path(__file__).resolve().parent
START_S = 90.0
_POLL_S = 0.1
OpenCall = Callable[[], Awaitable[Access]]


@dataclass(frozen=True)
class Peer:
    """`ready` is what it logs once it can take a call. `per_room`: a process takes one call."""

    name: str
    package: str
    environment: EngineEnvironment
    script: Path
    ready: str
    per_room: bool

    @property
    def version(self) -> str:
        """As its lock pins it."""
        pin = re.search(
            rf"^{re.escape(self.package)}==(\S+)", self.environment.lock.read_text("utf-8"), re.M
        )
        return pin[1] if pin else "unknown"


PEERS = (
    Peer(
        "livekit-agents",
        "livekit-agents",
        EngineEnvironment("peer-livekit", _HERE / "livekit.lock"),
        _HERE / "livekit_agent.py",
        "registered worker",
        per_room=False,
    ),
    Peer(
        "pipecat",
        "pipecat-ai",
        EngineEnvironment("peer-pipecat", _HERE / "pipecat.lock", built=("docopt",)),
        _HERE / "pipecat_bot.py",
        "ready",
        per_room=True,
    ),
)


@asynccontextmanager
async def taking_calls(peer: Peer, parley: OwnParley, logs: Path) -> AsyncIterator[OpenCall]:
    """The peer runs, or does as soon as a call is opened; logs go to the folder `logs`. Raises
    ToolchainError where its environment cannot be made, SupervisorError where it does not start."""
    python = await asyncio.to_thread(peer.environment.ensure)
    settings = parley.stack.configuration.orchestrator
    (port,) = free_ports(1)
    key, secret = parley.keys
    environment = await _environment(peer, parley, speech_port=port)
    serving = _speech_server(parley, port)
    running: list[PartProcess] = [await PartProcess.start(serving, _log(logs, serving.name))]

    async def start(*arguments: str) -> None:
        part = Part(
            name=peer.name,
            command=(str(python), str(peer.script), *arguments),
            environment=environment,
            ready_url="",
        )
        process = await PartProcess.start(part, _log(logs, peer.name))
        running.append(process)
        try:
            async with asyncio.timeout(START_S):
                await _until_it_says(process, peer)
        except TimeoutError:
            raise SupervisorError(f"{peer.name} did not start; its log is in {logs}") from None

    async def open_call() -> Access:
        room = f"peer-{uuid.uuid4().hex[:12]}"
        if peer.per_room:
            while len(running) > 1:  # of the call before
                await running.pop().stop()
            await start(settings.livekit.url, room, speaker_token(room, key=key, secret=secret))
        return _access(settings.livekit.url, room, key, secret, "" if peer.per_room else peer.name)

    try:
        await until_ready(serving.ready_url)
        if not peer.per_room:
            await start("start")
        yield open_call
    finally:
        for process in reversed(running):
            await process.stop()


async def _environment(peer: Peer, parley: OwnParley, *, speech_port: int) -> dict[str, str]:
    settings = parley.stack.configuration.orchestrator
    key, secret = parley.keys
    llm_url = f"http://{HOST}:{settings.llm.local_port}/v1"
    return {
        **base_environment(),
        "LIVEKIT_URL": settings.livekit.url,
        "LIVEKIT_API_KEY": key,
        "LIVEKIT_API_SECRET": secret,
        "PYTHONUNBUFFERED": "1",
        "LOGURU_LEVEL": "WARNING",  # pipecat would write down every frame
        "PEER_NAME": peer.name,
        "PEER_SPEECH_URL": f"http://{HOST}:{speech_port}/v1",
        "PEER_LLM_URL": llm_url,
        "PEER_LLM_MODEL": await _model_at(f"{llm_url}/models"),
        "PEER_LLM_TEMPERATURE": str(settings.llm.temperature),
        "PEER_LLM_MAX_TOKENS": str(settings.llm.max_tokens),
        "PEER_INSTRUCTIONS": settings.agent.instructions,
    }


def _speech_server(parley: OwnParley, port: int) -> Part:
    addresses = ("--tts", parley.tts_address, "--asr", parley.asr_address)
    voice = parley.stack.configuration.orchestrator.tts.default_model
    module = (sys.executable, "-P", "-m", "bench.peers.speech_server")
    return Part(
        name="peer-speech",
        command=(*module, "--port", str(port), *addresses, "--voice", voice),
        environment={**base_environment(), "PYTHONPATH": str(paths.repository())},
        ready_url=f"http://{HOST}:{port}/v1/models",
    )


async def _model_at(url: str) -> str:
    """The name of the first model that a server offers."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return str((await response.json())["data"][0]["id"])


def _access(url: str, room: str, key: str, secret: str, agent_name: str) -> Access:
    """Lets a caller in; the agent of that name is sent there, none for an empty one."""
    token = (
        api.AccessToken(key, secret)
        .with_identity("caller")
        .with_grants(api.VideoGrants(room_join=True, room=room))
    )
    if agent_name:
        dispatch = api.RoomAgentDispatch(agent_name=agent_name)
        token = token.with_room_config(api.RoomConfiguration(agents=[dispatch]))
    return Access(url=url, token=token.to_jwt(), room=room, identity="caller")


async def _until_it_says(process: PartProcess, peer: Peer) -> None:
    ended = asyncio.create_task(process.ended())
    try:
        while not any(peer.ready in line for line in process.last_lines(50)):
            if ended.done():
                why = "\n".join(process.last_lines(5)) or "it said nothing"
                raise SupervisorError(f"{peer.name} did not start: {why}")
            await asyncio.sleep(_POLL_S)
    finally:
        ended.cancel()
        await asyncio.gather(ended, return_exceptions=True)


def _log(logs: Path, name: str) -> PartLog:
    return PartLog(logs / f"{name}.log")
