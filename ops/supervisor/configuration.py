"""All that one machine's Parley is configured with, read once."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from parley.errors import ConfigurationError
from parley.settings import (
    OrchestratorSettings,
    WorkerSettings,
    load_orchestrator,
    load_worker,
)
from parley.settings.engines import ENGLISH_ONLY, is_english
from parley.settings.livekit_server import LiveKitServerSettings, load_livekit_server
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
        server_credentials(worker.within(self.config_dir))
        client_tls(orchestrator.within(self.config_dir))

    def check_recognition(self) -> None:
        """Raises ConfigurationError where recognition could not hear what it is told to."""
        asr, client = self.worker.asr, self.orchestrator.asr
        if not client.enabled or asr.engine not in ENGLISH_ONLY:
            return
        for file, language in (("worker", asr.language), ("orchestrator", client.language)):
            if language and not is_english(language):
                raise ConfigurationError(
                    f"asr.adapter in worker.yaml (ASR_ADAPTER) comes to {asr.engine}, which hears "
                    f"English only, and asr.language in {file}.yaml is {language!r}: set the "
                    "adapter to whisper, or both languages to en"
                )
        if asr.device == "cuda":
            raise ConfigurationError(
                f"asr.adapter in worker.yaml (ASR_ADAPTER) is {asr.engine}, which computes on CPUs "
                "only, and asr.device (ASR_DEVICE) is cuda: set the one to whisper, or the other "
                "to auto"
            )

    def write_livekit_config(self) -> Path:
        """The server's configuration with its variables substituted, for the server to read."""
        file = self.state_dir / "livekit.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(self.livekit.model_dump(mode="json")), encoding="utf-8")
        return file


def read_configuration(config_dir: Path, state_dir: Path) -> Configuration:
    """Reads the three files; raises ConfigurationError naming file, key and line."""
    if not config_dir.is_dir():
        raise ConfigurationError(
            f"{config_dir} is no folder; PARLEY_CONFIG_DIR names the one with orchestrator.yaml"
        )
    return Configuration(
        config_dir=config_dir.absolute(),
        state_dir=state_dir.absolute(),
        orchestrator=load_orchestrator(config_dir / "orchestrator.yaml"),
        worker=load_worker(config_dir / "worker.yaml"),
        livekit=load_livekit_server(config_dir / "livekit.yaml"),
    )


def reachable(host: str) -> str:
    """The address at which this machine reaches what listens on `host`."""
    if host in _EVERY_ADDRESS:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
