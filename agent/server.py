"""The agent server: takes jobs from LiveKit, a process each, and shuts down gracefully."""

import asyncio
import logging
import signal
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path

from livekit.agents import AgentServer, JobContext, JobProcess
from livekit.agents.ipc.job_proc_executor import ProcJobExecutor

from agent.admission import Admission, jobs_of
from agent.fork_server import ForkServerWatch
from agent.health.exposition import Exposition, JobMetrics
from agent.health.http import HealthServer
from agent.health.probes import Probes
from agent.job_book import JobBook
from agent.lost_jobs import LostJobs
from agent.record.keeper import keeping
from agent.webhooks.sender import sending
from dialogue.retention import forgetting_calls
from parley import paths
from parley.capacity import Capacity
from parley.disk import why_full
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings, load_orchestrator
from parley.speech.configured import node_scoreboard
from parley.telemetry.logs import stamp_lines
from parley.telemetry.tracing import configure_tracing

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
    stamp_lines(part="agent")
    configure_tracing(settings.telemetry, part="agent")
    process.userdata["settings"] = settings
    for app in ("", *settings.agent.apps):
        load_configured(settings, app)
    process.userdata["client"] = build_client(settings)  # its TLS context takes a third of a second


async def converse(context: JobContext) -> None:
    """One job: one call."""
    from agent.call import Call  # noqa: PLC0415 - not in the process that takes the jobs

    prepared = context.proc.userdata
    await Call(context, prepared["settings"], prepared["client"]).start()


def build_server(settings: OrchestratorSettings) -> tuple[AgentServer, Admission]:
    """The server, and what decides on its calls.

    Raises ConfigurationError when LiveKit's address or keys are missing.
    """
    livekit = settings.livekit
    secret = livekit.api_secret.get_secret_value()
    if not (livekit.url and livekit.api_key and secret):
        raise ConfigurationError(
            "livekit.url, livekit.api_key and livekit.api_secret are needed: set LIVEKIT_URL, "
            "LIVEKIT_API_KEY and LIVEKIT_API_SECRET (`up` does it by itself)"
        )
    admission = Admission(settings.agent.max_sessions, lambda: jobs_of(server))
    server = AgentServer(
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
    return server, admission


async def serve(settings: OrchestratorSettings, metrics_directory: Path) -> None:
    """Serves until SIGTERM (calls under way are finished) or SIGINT (they are ended).

    Raises ConfigurationError when it cannot begin.
    """
    server, admission = build_server(settings)
    registered = asyncio.Event()
    server.on("worker_registered", lambda *_: registered.set())
    async with AsyncExitStack() as running:
        await running.enter_async_context(node_scoreboard(settings))
        await running.enter_async_context(keeping(settings.record))
        await running.enter_async_context(sending(settings.webhooks))
        await running.enter_async_context(forgetting_calls(settings))
        lost = LostJobs(settings.livekit, JobBook(paths.state_dir()))
        running.push_async_callback(lost.aclose)
        lost.watch(server)
        probes = await running.enter_async_context(Probes(settings))
        forks = ForkServerWatch(lambda: _idle_processes(server))
        jobs = JobMetrics(metrics_directory)
        _reap_after_calls(server, jobs)

        def is_registered() -> bool:
            # The framework tells of a registration, but not of its loss.
            return registered.is_set() and not server._connecting

        health = HealthServer(
            probes,
            Exposition(jobs),
            is_registered=is_registered,
            is_draining=lambda: server.draining,
            capacity=lambda: Capacity(
                takes_calls=is_registered() and not server.draining and forks.is_well,
                max_sessions=admission.max_sessions,
                rooms=admission.rooms(),
            ),
            can_start_calls=lambda: forks.is_well,
            why_disk_full=lambda: why_full(metrics_directory),
        )
        running.push_async_callback(health.aclose)
        await health.start(settings.server.host, settings.server.health_check_port)
        await _until_stopped(server, forks)


def _reap_after_calls(server: AgentServer, jobs: JobMetrics) -> None:
    """Each process leaves files: they are joined as it ends, whether anybody scrapes or not."""
    server.on(
        "worker_started", lambda: server._proc_pool.on("process_closed", lambda _: jobs.reap())
    )


def _idle_processes(server: AgentServer) -> list[int]:
    return [
        each.pid
        for each in server._proc_pool.processes
        if isinstance(each, ProcJobExecutor) and each.pid and each.running_job is None
    ]


async def _until_stopped(server: AgentServer, forks: ForkServerWatch) -> None:
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
        watching = tasks.create_task(_watch(forks, started), name="fork-server")
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        # Half started it could not be stopped: its first process would be waited for in vain.
        await asyncio.wait({serving, starting}, return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            if stopping.result() is signal.SIGTERM:
                _log.info("finishing %d calls", len(server.active_jobs))
                await _first_of(server.drain(), stop.get())
            await server.aclose()
        for task in (starting, stopping, watching):
            task.cancel()


async def _watch(forks: ForkServerWatch, started: asyncio.Event) -> None:
    await started.wait()
    await forks.run()


async def _first_of(*awaitables: Awaitable[object]) -> None:
    tasks = {asyncio.ensure_future(awaitable) for awaitable in awaitables}
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
