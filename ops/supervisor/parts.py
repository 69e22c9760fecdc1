"""Parley's six parts on one machine."""

import os
import signal
import sys
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from ops.llm_choice import choose_llm
from ops.supervisor.configuration import Configuration, reachable
from ops.supervisor.environment import base_environment, part_environment
from ops.supervisor.keys import LiveKitKeys
from ops.supervisor.part import ListeningPort, Part
from ops.toolchain.engine_environment import environment_of
from parley.app.loading import CALLED_FROM, called_from
from parley.probe import worker_url
from parley.settings import OrchestratorSettings, WorkerSettings
from parley.settings.telemetry import TelemetrySection

PART_NAMES = ("livekit", "llm", "asr", "tts", "agent", "gateway")
"""In the order of their needs; several TTS workers are parts tts, tts-2, tts-3 ..."""

_READY_ON_TORCH_S = 600.0
"""Torch takes a minute to import on a cold machine, and a checkpoint is gigabytes."""

_COMPUTING = 10
"""Niceness of the LLM and of recognition: the parts that carry audio come first, or every packet of
a call waits for a decode."""

_JUDGE_VARIABLES = frozenset({"JUDGE_API_KEY", "JUDGE_BASE_URL", "JUDGE_MODEL"})
"""Read by `./run eval` alone."""

_APP_PREFIX = "APP_"
"""Variables of an app's own, which only those get that answer with it: the agent, and the gateway
by text."""

_APPS_OF_OURS = frozenset(
    {
        *("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *("AWS_PROFILE", "AWS_ENDPOINT_URL", "DYNAMODB_TABLE_NAME", "MEDIA_BUCKET"),
        *("CATALOG_SERVICE_URL", "MEDIA_SERVICE_URL", "RESPONSE_COMPOSER_URL"),
        *("BESTBUY_API_KEY", "EBAY_CLIENT_ID", "EBAY_CLIENT_SECRET"),
    }
)
"""What the apps of the house read themselves: the agent answers calls with them, the gateway
chats."""

_OPERATOR_VARIABLES = frozenset({"OPERATOR_KEY"})
"""Read by the gateway, and by `./run calls`."""

_WEBHOOK_VARIABLES = frozenset({"WEBHOOK_URL", "WEBHOOK_SECRET"})
"""Read by the agent alone."""

_KEY_VARIABLES = frozenset({"KEYS_SECRET", "KEYS_URL"})
"""Read by the orchestrator, and by `./run keys`."""


def local_parts(
    configuration: Configuration,
    *,
    keys: LiveKitKeys,
    livekit_server: Path | None,
    names: Collection[str] = PART_NAMES,
) -> list[Part]:
    """The parts among `names` that this configuration runs here, in the order of their needs.

    Left out: the LiveKit server where another is configured (`livekit_server` may then be None),
    the LLM where an API is, ASR where it is off. Raises ConfigurationError.
    """
    configuration.check_tls()
    speakers = range(1, configuration.orchestrator.tts.workers + 1)
    made = {
        "livekit": [_livekit(configuration, keys, livekit_server)],
        "llm": [_llm(configuration)],
        "asr": [_asr(configuration)],
        "tts": [_tts(configuration, number) for number in speakers],
        "agent": [_agent(configuration, keys)],
        "gateway": [_gateway(configuration, keys)],
    }
    here = [name for name in local_names(configuration) if name in names]
    return [part for name in here for part in made[name]]


def local_names(configuration: Configuration) -> tuple[str, ...]:
    """The names of the parts that this configuration runs here."""
    here = {
        "livekit": configuration.livekit_is_local,
        "llm": configuration.orchestrator.llm_is_on_this_machine,
        "asr": configuration.orchestrator.asr.enabled,
    }
    return tuple(name for name in PART_NAMES if here.get(name, True))


def _module(name: str, python: str = sys.executable) -> tuple[str, ...]:
    # -P: a folder that happens to be the current one is no place to import from.
    return (python, "-P", "-m", name)


def _livekit(configuration: Configuration, keys: LiveKitKeys, server: Path | None) -> Part:
    settings = configuration.livekit
    host, tcp_port = settings.bind_addresses[0], settings.rtc.tcp_port
    media = ListeningPort(tcp_port, "", "rtc.tcp_port in configs/livekit.yaml")
    return Part(
        name="livekit",
        command=(str(server), "--config", str(configuration.state_dir / "livekit.yaml")),
        environment={**base_environment(), **keys.for_server()},
        ready_url=f"http://{reachable(host)}:{settings.port}/",
        ports=(
            ListeningPort(settings.port, host, "port in configs/livekit.yaml"),
            *([media] if tcp_port else []),
        ),
    )


def _llm(configuration: Configuration) -> Part:
    port = configuration.orchestrator.llm.local_port
    return Part(
        name="llm",
        command=(*_module("ops.local_llm"), *_llm_arguments(configuration)),
        environment=part_environment(
            TelemetrySection,
            configuration.config_dir / "orchestrator.yaml",
            state_dir=configuration.state_dir,
            threads=1,
            is_worker=True,
        ),
        niceness=_COMPUTING,
        ready_url=f"http://127.0.0.1:{port}/health",
        ports=(ListeningPort(port, "127.0.0.1", "llm.local_port in configs/orchestrator.yaml"),),
    )


def _llm_arguments(configuration: Configuration) -> tuple[str, ...]:
    choice = choose_llm(configuration.orchestrator)
    then = ("--then", choice.successor) if choice.successor else ()
    return ("--model", choice.model, *then)


def _asr(configuration: Configuration) -> Part:
    settings = configuration.asr_worker
    part = _worker(
        configuration, "asr", settings.host, settings.port, settings.metrics_port, settings.threads
    )
    return replace(part, environment={**part.environment, "ASR_ADAPTER": settings.adapter})


def _tts(configuration: Configuration, number: int) -> Part:
    settings = configuration.worker.numbered(number).tts
    part = _worker(
        configuration,
        "tts",
        settings.host,
        settings.port,
        settings.metrics_port,
        settings.threads_per_stream,
    )
    part = replace(part, niceness=0)  # its sound is due when it is due
    environment = environment_of(settings.adapter)
    if environment is not None:
        command = _module("workers.tts", str(environment.python))
        part = replace(part, command=command, ready_within_s=_READY_ON_TORCH_S)
    if number > 1:
        command = (*part.command, "--number", str(number))
        part = replace(part, name=f"tts-{number}", command=command)
    return part


def _worker(
    configuration: Configuration, name: str, host: str, port: int, metrics_port: int, threads: int
) -> Part:
    tls = configuration.orchestrator.tls.within(configuration.config_dir)
    return Part(
        name=name,
        command=_module(f"workers.{name}"),
        environment=part_environment(
            WorkerSettings,
            configuration.config_dir / "worker.yaml",
            state_dir=configuration.state_dir,
            threads=threads,
            is_worker=True,
        ),
        niceness=_COMPUTING,
        ready_url=worker_url(f"{reachable(host)}:{port}", tls),
        ports=(
            ListeningPort(port, host, f"{name}.port in configs/worker.yaml"),
            ListeningPort(metrics_port, host, f"{name}.metrics_port in configs/worker.yaml"),
        ),
    )


def agent_environment(
    configuration: Configuration, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """What the agent gets, but for LiveKit's keys: its settings, and what its app is given."""
    own = {name for name in environ if name.startswith(_APP_PREFIX)}
    environment = part_environment(
        OrchestratorSettings,
        configuration.config_dir / "orchestrator.yaml",
        state_dir=configuration.state_dir,
        threads=1,
        withheld=_JUDGE_VARIABLES | _OPERATOR_VARIABLES | _KEY_VARIABLES,
        also=_APPS_OF_OURS.union(own, configuration.orchestrator.agent.environment),
        environ=environ,
    )
    return {**environment, CALLED_FROM: str(called_from().absolute())}


def _agent(configuration: Configuration, keys: LiveKitKeys) -> Part:
    server = configuration.orchestrator.server
    metrics_dir = configuration.state_dir / "metrics" / "agent"
    return Part(
        name="agent",
        command=_module("agent"),
        environment={
            **agent_environment(configuration),
            **keys.for_clients(),
            # Read when Python starts; settings come too late for it.
            "PROMETHEUS_MULTIPROC_DIR": str(metrics_dir),
        },
        ready_url=f"http://{reachable(server.host)}:{server.health_check_port}/readiness",
        ports=(
            ListeningPort(
                server.health_check_port,
                server.host,
                "server.health_check_port in configs/orchestrator.yaml",
            ),
        ),
        # It waits for the others by itself, but registers with LiveKit at once or seconds later.
        after=("livekit",),
        fresh_dir=metrics_dir,
        # SIGTERM would let the calls go on for drain_timeout_s; who stops everything ends them.
        stop_signal=signal.SIGINT,
    )


def _gateway(configuration: Configuration, keys: LiveKitKeys) -> Part:
    server = configuration.orchestrator.server
    own = {name for name in os.environ if name.startswith(_APP_PREFIX)}
    environment = part_environment(
        OrchestratorSettings,
        configuration.config_dir / "orchestrator.yaml",
        state_dir=configuration.state_dir,
        threads=1,
        withheld=_JUDGE_VARIABLES | _WEBHOOK_VARIABLES | _KEY_VARIABLES,
        also=_APPS_OF_OURS.union(own, configuration.orchestrator.agent.environment),
    )
    environment[CALLED_FROM] = str(called_from().absolute())
    return Part(
        name="gateway",
        command=_module("gateway"),
        environment={**environment, **keys.for_clients()},
        ready_url=f"http://{reachable(server.host)}:{server.port}/health",
        ports=(
            ListeningPort(server.port, server.host, "server.port in configs/orchestrator.yaml"),
            ListeningPort(
                server.gateway_health_port,
                server.host,
                "server.gateway_health_port in configs/orchestrator.yaml",
            ),
        ),
        after=("livekit",),
    )
