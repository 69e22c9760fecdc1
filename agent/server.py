"""The agent server: takes jobs from LiveKit, a process each, and shuts down gracefully."""

import asyncio
import logging
import signal
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path

from livekit.agents import AgentServer, JobContext, JobProcess, JobRequest

from agent.health.exposition import Exposition, JobMetrics
from agent.health.http import HealthServer
from agent.health.probes import Probes
from agent.lost_jobs import LostJobs
from parley.background import background
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings, load_orchestrator

TARGET_LOAD = 0.7
"""A LiveKit server offers no jobs to a worker with this load or more."""
RECONNECTS = 1_000_000
"""A LiveKit server that is away comes back; the framework's limit is 16 attempts."""
START_TIMEOUT_S = 60.0
"""For a warm process on a machine that is busy starting everything else."""

_log = logging.getLogger(__name__)


def prepare(process: JobProcess) -> None:
    """In a new job process, before there is a call: what would make the call wait."""
    from dialogue.model import build_client  # noqa: PLC0415 - not in the process that takes the jobs
    from parley.app.configured import load_configured  # noqa: PLC0415

    settings = load_orchestrator()
    process.userdata["settings"] = settings
    for app in ("", *settings.agent.apps):
        load_configured(settings, app)
    process.userdata["client"] = build_client(settings)  # its TLS context takes a third of a second


async def converse(context: JobContext) -> None:
    """One job: one call."""
    from agent.call import Call  # noqa: PLC0415 - not in the process that takes the jobs

    prepared = context.proc.userdata
    await Call(context, prepared["settings"], prepared["client"]).start()


class Admission:
    """Takes as many calls as there is room for, counting those that are just being taken."""

    def __init__(self, max_sessions: int) -> None:
        self._max_sessions = max_sessions
        self._being_taken = 0
        self.server: AgentServer

    def load(self, server: AgentServer) -> float:
        """0 without calls; the load at which LiveKit offers no more when there is no room."""
        return TARGET_LOAD * (len(server.active_jobs) / self._max_sessions)

    async def answer(self, request: JobRequest) -> None:
        if len(self.server.active_jobs) + self._being_taken >= self._max_sessions:
            await request.reject(terminate=False)  # another agent may have room
            return
        self._being_taken += 1
        try:
            await request.accept(name="Parley")
        finally:
            self._being_taken -= 1


def build_server(settings: OrchestratorSettings) -> AgentServer:
    """Raises ConfigurationError when LiveKit's address or keys are missing."""
    livekit = settings.livekit
    secret = livekit.api_secret.get_secret_value()
    if not (livekit.url and livekit.api_key and secret):
        raise ConfigurationError(
            "livekit.url, livekit.api_key and livekit.api_secret are needed: set LIVEKIT_URL, "
            "LIVEKIT_API_KEY and LIVEKIT_API_SECRET (`up` does it by itself)"
        )
    admission = Admission(settings.agent.max_sessions)
    server = admission.server = AgentServer(
        ws_url=livekit.url,
        api_key=livekit.api_key,
        api_secret=secret,
        # The framework's own HTTP server says OK while it drains: it stays out of sight.
        host="127.0.0.1",
        port=0,
        # Calls are counted in `Admission`, exactly; the framework only estimates.
        load_threshold=float("inf"),
        num_idle_processes=settings.agent.idle_processes,
        drain_timeout=settings.agent.drain_timeout_s,
        initialize_process_timeout=START_TIMEOUT_S,
        max_retry=RECONNECTS,
        setup_fnc=prepare,
        load_fnc=admission.load,
        preload_modules=["agent.preload"],
        log_level=settings.telemetry.log_level,
    )
    server.rtc_session(converse, agent_name=livekit.agent_name, on_request=admission.answer)
    return server


async def serve(settings: OrchestratorSettings, metrics_directory: Path) -> None:
    """Serves until SIGTERM (calls under way are finished) or SIGINT (they are ended).

    Raises ConfigurationError when it cannot begin.
    """
    server = build_server(settings)
    registered = asyncio.Event()
    server.on("worker_registered", lambda *_: registered.set())
    async with AsyncExitStack() as running:
        lost = LostJobs(settings.livekit)
        running.push_async_callback(lost.aclose)
        lost.watch(server)
        probes = await running.enter_async_context(Probes(settings))
        jobs = JobMetrics(metrics_directory)
        await running.enter_async_context(background(jobs.keep_reaping(), name="reaping"))
        health = HealthServer(
            probes,
            Exposition(jobs),
            # The framework tells of a registration, but not of its loss.
            is_registered=lambda: registered.is_set() and not server._connecting,
            is_draining=lambda: server.draining,
        )
        running.push_async_callback(health.aclose)
        await health.start(settings.server.host, settings.server.health_check_port)
        await _until_stopped(server)


async def _until_stopped(server: AgentServer) -> None:
    """Runs the server; the first signal ends it gently or at once, a second one at once."""
    started = asyncio.Event()
    server.on("worker_started", started.set)
    stop: asyncio.Queue[signal.Signals] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.put_nowait, number)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.run(), name="agent-server")
        starting = tasks.create_task(started.wait(), name="agent-start")
        stopping = tasks.create_task(stop.get(), name="stop-signal")
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        # Half started it could not be stopped: its first process would be waited for in vain.
        await asyncio.wait({serving, starting}, return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            if stopping.result() is signal.SIGTERM:
                _log.info("finishing %d calls", len(server.active_jobs))
                await _first_of(server.drain(), stop.get())
            await server.aclose()
        starting.cancel()
        stopping.cancel()


async def _first_of(*awaitables: Awaitable[object]) -> None:
    tasks = {asyncio.ensure_future(awaitable) for awaitable in awaitables}
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
