"""The Agent that the settings name, or that of their other apps which a call asks for."""

from pathlib import Path

from pydantic import ValidationError

from parley import paths
from parley.app.agent import Agent
from parley.app.loading import AppError, load_app
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings
from parley.settings.orchestrator import TurnSection


def turn_settings(turn: TurnSection, agent: Agent) -> TurnSection:
    """The settings, with what the agent wants otherwise; raises ConfigurationError."""
    if agent.thresholds is None:
        return turn
    wanted = {name: value for name, value in vars(agent.thresholds).items() if value is not None}
    try:
        return TurnSection.model_validate(turn.model_dump() | wanted)
    except ValidationError as error:
        problem = error.errors()[0]
        what = ".".join(("thresholds", *map(str, problem["loc"])))
        said = problem["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"agent {agent.name!r}: {what}: {said}") from None


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
