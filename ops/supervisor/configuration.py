"""All that one machine's Parley is configured with, read once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from parley.discovery.static import parse_targets
from parley.errors import ConfigurationError
from parley.private import private_folder, write_private
from parley.settings import (
    OrchestratorSettings,
    WorkerSettings,
    load_orchestrator,
    load_worker,
)
from parley.settings.livekit_server import LiveKitServerSettings, load_livekit_server
from parley.settings.orchestrator import PORT_STEP
from parley.settings.worker import AsrWorkerSection
from parley.tls import client_tls, server_credentials

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_EVERY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not bound


@dataclass(frozen=True)
class Configuration:
    """The three files of `config_dir` with the environment above them."""

    config_dir: Path
    state_dir: Path
    orchestrator: OrchestratorSettings
    worker: WorkerSettings
    livekit: LiveKitServerSettings

    @property
    def livekit_is_local(self) -> bool:
        """Whether the agent is told to use the LiveKit server that `up` starts."""
        url = urlsplit(self.orchestrator.livekit.url)
        return url.hostname in _LOOPBACK and url.port == self.livekit.port

    @property
    def tts_is_local(self) -> bool:
        """Whether the agent asks the TTS workers that `up` starts, and no others."""
        tts, ports = self.orchestrator.tts, range(self.worker.tts.port, 65536, PORT_STEP)
        return tts.discovery == "static" and _are_local(tts.worker_address, ports[: tts.workers])

    @property
    def asr_is_local(self) -> bool:
        """Whether the agent asks the ASR worker that `up` starts, and no other."""
        asr = self.orchestrator.asr
        return asr.discovery == "static" and _are_local(asr.worker_address, [self.worker.asr.port])

    @property
    def asr_worker(self) -> AsrWorkerSection:
        """Of the ASR worker that `up` starts; one that others ask as well expects its own file's
        language."""
        asr = self.worker.asr
        return asr.for_calls_in(self.orchestrator.asr.language) if self.asr_is_local else asr

    @property
    def page_url(self) -> str:
        """Where a browser on this machine finds the page."""
        return f"http://{reachable(self.orchestrator.server.host)}:{self.orchestrator.server.port}"

    def check_tls(self) -> None:
        """Raises ConfigurationError where workers and their clients would not come together."""
        worker, orchestrator = self.worker.tls, self.orchestrator.tls
        if worker.is_configured != orchestrator.is_configured:
            one, other = "worker.yaml", "orchestrator.yaml"
            if orchestrator.is_configured:
                one, other = other, one
            raise ConfigurationError(
                f"tls is configured in {one} and not in {other}: workers and clients both need it"
            )
        self.worker.check_reach("tts")
        self.worker.check_reach("asr")
        server_credentials(worker.within(self.config_dir))
        client_tls(orchestrator.within(self.config_dir))

    def write_livekit_config(self) -> Path:
        """The server's configuration with its variables substituted, for the server to read."""
        file = self.state_dir / "livekit.yaml"
        private_folder(self.state_dir)
        write_private(file, yaml.safe_dump(self.livekit.model_dump(mode="json")))
        return file


def read_configuration(config_dir: Path, state_dir: Path) -> Configuration:
    """Reads the three files; raises ConfigurationError naming file, key and line."""
    if not config_dir.is_dir():
        raise ConfigurationError(
            f"{config_dir} is no folder: PARLEY_CONFIG_DIR names the one with orchestrator.yaml"
        )
    return Configuration(
        config_dir=config_dir.absolute(),
        state_dir=state_dir.absolute(),
        orchestrator=load_orchestrator(config_dir / "orchestrator.yaml"),
        worker=load_worker(config_dir / "worker.yaml"),
        livekit=load_livekit_server(config_dir / "livekit.yaml"),
    )


def _are_local(addresses: str, ports: Sequence[int]) -> bool:
    parts = [urlsplit(f"//{target}") for target in parse_targets(addresses)]
    return all(part.hostname in _LOOPBACK and part.port in ports for part in parts)


def reachable(host: str) -> str:
    """The address at which this machine reaches what listens on `host`."""
    if host in _EVERY_ADDRESS:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
