"""The configuration: whether each file can be used, and whether they agree."""

from collections.abc import Iterator

from ops.doctor.finding import Finding, ok, problem, warning
from ops.supervisor.apps import CheckedAgent, check_apps
from ops.supervisor.configuration import Configuration
from ops.supervisor.keys import check_keys
from parley import paths
from parley.errors import ConfigurationError
from parley.settings import load_orchestrator, load_worker
from parley.settings.livekit_server import load_livekit_server

_LOADERS = {
    "orchestrator.yaml": load_orchestrator,
    "worker.yaml": load_worker,
    "livekit.yaml": load_livekit_server,
}


def check_files() -> Iterator[Finding]:
    """Whether each file can be used, by itself."""
    for name, load in _LOADERS.items():
        file = paths.config_dir() / name
        try:
            load(file)
        except ConfigurationError as error:
            yield problem(f"configs/{name}", str(error), "mend the line; docs/settings.md helps")
        else:
            yield ok(f"configs/{name}", str(file) if file.exists() else "not there: defaults")


def check_agreement(configuration: Configuration) -> Iterator[Finding]:
    """Whether the files agree with each other, and the keys with both."""
    orchestrator, worker = configuration.orchestrator, configuration.worker
    for part, addresses, port in (
        ("tts", orchestrator.tts.worker_address, worker.tts.port),
        ("asr", orchestrator.asr.worker_address, worker.asr.port),
    ):
        if not any(address.strip().endswith(f":{port}") for address in addresses.split(",")):
            yield warning(
                f"{part} worker",
                f"it listens on port {port}, the agent asks {addresses}",
                f"make {part}.worker_address (orchestrator.yaml) and {part}.port (worker.yaml) "
                "the same, unless the worker is elsewhere",
            )
    try:
        source = check_keys(configuration)
    except ConfigurationError as error:
        yield problem(
            "LiveKit keys", str(error), "set LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or neither"
        )
    else:
        yield ok("LiveKit keys", source)
    try:
        configuration.check_tls()
    except ConfigurationError as error:
        yield problem("TLS", str(error), "docs/workers.md says how to make the files")


def check_app(configuration: Configuration) -> tuple[Finding, list[CheckedAgent]]:
    """Whether each app that is configured can be loaded, in a process of its own; their agents."""
    agent = configuration.orchestrator.agent
    try:
        agents = check_apps(configuration)
    except ConfigurationError as error:
        remedy = "mend it, or name another (agent.app); docs/agents.md"
        return problem("app", str(error), remedy), []
    return ok("app", ", ".join((agent.app, *agent.apps.values()))), agents
