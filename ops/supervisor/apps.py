"""Which apps `up` is told to run, and whether they can be loaded: without loading them itself."""

import json
import os
import re
import subprocess
import sys
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.supervisor.configuration import Configuration
from ops.supervisor.parts import agent_environment
from parley import paths
from parley.app.loading import CALLED_FROM, AppReference
from parley.errors import ConfigurationError
from parley.program import EXIT_MISCONFIGURED

LOADED_WITHIN_S = 60.0

_NAMED = re.compile(r"(?P<name>[\w-]+)=(?P<app>.+)")


def choose_apps(asked: Sequence[str], environ: MutableMapping[str, str] = os.environ) -> None:
    """Has `[NAME=]APP` of the command line win over the settings, in everything that is started.

    The first is the default; every other, and each that has a name, may be asked for by it (by
    the name of its file, where none is given). Raises ConfigurationError for two of one name.
    """
    environ.setdefault(CALLED_FROM, str(Path.cwd()))
    apps: dict[str, str] = {}
    for place, text in enumerate(asked):
        named = _NAMED.fullmatch(text)
        reference = AppReference.parse(named["app"] if named else text)
        if place == 0:
            environ["PARLEY_APP"] = str(reference)
        if named or place:
            name = named["name"] if named else _own_name(reference)
            if name in apps:
                raise ConfigurationError(f"--app: two are called {name!r}; write NAME=APP")
            apps[name] = str(reference)
    if apps:
        environ["PARLEY_APPS"] = json.dumps(apps)


@dataclass(frozen=True)
class CheckedAgent:
    """An agent of an app, as it declares itself; None: as the settings say."""

    name: str
    language: str | None
    voice: str | None


def check_apps(configuration: Configuration) -> list[CheckedAgent]:
    """Loads every app that is configured, in a process that has the agent's environment; the
    agents of all of them.

    Raises ConfigurationError with the sentence that says what is wrong.
    """
    agent = configuration.orchestrator.agent
    references = [
        str(AppReference.parse(app, folder=configuration.config_dir))
        for app in (agent.app, *agent.apps.values())
    ]
    try:
        checked = subprocess.run(
            [sys.executable, "-P", "-m", "parley.app.check", *references],
            env=agent_environment(configuration),
            cwd=paths.repository(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LOADED_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(
            f"the app {', '.join(references)} is not loaded after {LOADED_WITHIN_S:.0f} s: what "
            "takes long belongs into its tools"
        ) from None
    if checked.returncode:
        lines = checked.stderr.strip().splitlines() or ["it said nothing"]
        said = lines[-1].removeprefix("parley: ")
        if checked.returncode != EXIT_MISCONFIGURED:
            said = f"the app {', '.join(references)} cannot be loaded: {said}"
        raise ConfigurationError(said)
    return [CheckedAgent(**agent) for agent in json.loads(checked.stdout)]


def _own_name(reference: AppReference) -> str:
    if reference.variable:
        return reference.variable
    return reference.file.stem if reference.file else reference.module.rpartition(".")[2]
