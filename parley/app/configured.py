"""The Agent that the settings name, or that of their other apps which a call asks for."""

from pathlib import Path

from parley import paths
from parley.app.agent import Agent
from parley.app.loading import AppError, load_app
from parley.settings import OrchestratorSettings


def app_reference(settings: OrchestratorSettings, chosen: str = "") -> str:
    """What `load_app` is told: the default app, or the one called `chosen`; raises AppError."""
    if not chosen:
        return settings.agent.app
    if chosen not in settings.agent.apps:
        known = ", ".join(sorted(settings.agent.apps)) or "none"
        raise AppError(f"there is no app {chosen!r}; agent.apps has: {known}")
    return settings.agent.apps[chosen]


def load_configured(
    settings: OrchestratorSettings, chosen: str = "", *, config_dir: Path | None = None
) -> Agent:
    """The default app, or the one that `agent.apps` calls `chosen`, loaded.

    A relative file is one of `config_dir`, the folder of the configuration. Raises AppError or
    ToolDeclarationError.
    """
    return load_app(app_reference(settings, chosen), folder=config_dir or paths.config_dir())
