"""Which settings the orchestrator has, and its log, traces and error reports by them."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from parley.app.loading import called_from
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings, load_orchestrator
from parley.settings.source import config_file
from parley.telemetry.logs import configure_logging
from parley.telemetry.tracing import configure_tracing

CONFIG_PATH = "ORCHESTRATOR_CONFIG_PATH"
ENVIRONMENT = "ORCHESTRATOR_ENV"
CHATTY = ("httpx2", "uvicorn.error")
"""They log a line or two of every request; what goes wrong they may say."""
ENVIRONMENTS = ("development", "production")

_log = logging.getLogger(__name__)


def orchestrator_config(named: str = "", *, environ: Mapping[str, str] = os.environ) -> Path:
    """The file of the settings: the one that is named, or that ORCHESTRATOR_CONFIG_PATH names, or
    that of ORCHESTRATOR_ENV in the folder of configuration files. Raises ConfigurationError."""
    if path := named or environ.get(CONFIG_PATH, ""):
        file = called_from() / Path(path).expanduser()
        if not file.is_file():
            raise ConfigurationError(f"{file}: there is no such file")
        return file
    chosen = environ.get(ENVIRONMENT) or ENVIRONMENTS[0]
    if chosen not in ENVIRONMENTS:
        raise ConfigurationError(
            f"{ENVIRONMENT} is {chosen!r}: expected {' or '.join(ENVIRONMENTS)}"
        )
    return config_file(f"{chosen}.yaml")


def load_service(named: str = "") -> OrchestratorSettings:
    """The settings of the orchestrator, for those who look after it; raises ConfigurationError."""
    return load_orchestrator(orchestrator_config(named)).over_one_database()


def configure(settings: OrchestratorSettings) -> None:
    """The log, the traces and the error reports of this process."""
    own = settings.logging
    telemetry = settings.telemetry
    if own.level:
        telemetry = telemetry.model_copy(update={"log_level": own.level})
    if own.format != "auto":
        environment = "production" if own.format == "json" else "development"
        telemetry = telemetry.model_copy(update={"environment": environment})
    if settings.monitoring.tracing.endpoint:
        endpoint = settings.monitoring.tracing.endpoint
        telemetry = telemetry.model_copy(update={"otlp_endpoint": endpoint})
    configure_logging(telemetry, part="orchestrator", file=own.file)
    configure_tracing(telemetry, part="orchestrator")
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    if dsn := settings.monitoring.sentry_dsn.get_secret_value():
        try:
            import sentry_sdk  # noqa: PLC0415 - an extra
        except ModuleNotFoundError:
            _log.warning("SENTRY_DSN is set, but the extra `sentry` is not installed")
        else:
            sentry_sdk.init(dsn=dsn, send_default_pii=False)
