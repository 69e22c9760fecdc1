"""The commands of `./run`: each is a module's `main(arguments) -> exit status`.

Standard library only up to the import of that module, so that help needs no environment.
"""

import difflib
import importlib
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TextIO

from parley import __version__
from parley.errors import ConfigurationError
from parley.program import EXIT_MISCONFIGURED, leave, reported


@dataclass(frozen=True)
class Command:
    """`module` has the `main`; `usage` and `summary` are what help prints."""

    module: str
    usage: str
    summary: str


COMMANDS = {
    "up": Command("cli.up", "[--app APP] [--detach]", "start everything; Ctrl-C stops it"),
    "down": Command("cli.down", "", "stop what `up --detach` started"),
    "restart": Command(
        "cli.restart", "[--app APP]", "stop it, and start it again as `up --detach` does"
    ),
    "orchestrator": Command(
        "cli.orchestrator", "[--config FILE]", "serve conversations over WebSocket and HTTP"
    ),
    "status": Command("cli.status", "[--json]", "how each part is doing"),
    "top": Command("cli.top", "[--agent URL] [--once]", "what callers get, live"),
    "logs": Command("cli.logs", "[PART] [-f] [-n N]", "what the parts say"),
    "doctor": Command("cli.doctor", "[--json]", "what is wrong with this machine or its set-up"),
    "chat": Command(
        "cli.chat", "[--app APP] [--session ID] [--json]", "talk with an agent by text"
    ),
    "eval": Command(
        "cli.eval", "FILE.yaml [--voice] [--json]", "hold scripted conversations and judge them"
    ),
    "call": Command(
        "cli.call",
        "FILE...|--script YAML [--json]",
        "speak recordings to the agent and measure its answers",
    ),
    "calls": Command(
        "cli.calls", "[ID] [--link] [--json]", "the records of calls, or one of them turn by turn"
    ),
    "recover": Command(
        "cli.recover", "PIPELINE_ID [--config FILE] [--json]", "go on with a turn that was lost"
    ),
    "replay": Command("cli.replay", "DIR [--json]", "a recorded call's turn-taking, decided again"),
    "say": Command("cli.say", "TEXT [--voice V] [--save WAV]", "speak a text through the workers"),
    "voices": Command(
        "cli.voices",
        "[list|load NAME|unload NAME|status] [--json]",
        "what the workers can say, and hold in memory",
    ),
    "transcribe": Command(
        "cli.transcribe", "FILE... [--json]", "print what speech recognition hears"
    ),
    "load": Command(
        "cli.load", "--callers N --minutes M [--json]", "many callers at once, and a report"
    ),
    "bench": Command("cli.bench", "NAME [--json]", "measure; without a name, list what there is"),
    "chaos": Command(
        "cli.chaos",
        "[CASE...] [--short] [--keep DIR] [--json]",
        "lose parts in the middle of spoken replies and judge what a caller heard",
    ),
    "test": Command("cli.test", "[--fast] [PYTEST...]", "every check this project has"),
    "keys": Command(
        "cli.keys",
        "create NAME|list|revoke ID [--json]",
        "keys of the orchestrator's API: make, list, revoke",
    ),
    "secrets": Command(
        "cli.secrets",
        "[--domain NAME --email MAIL --address IP]",
        "write .env.prod for docker-compose.prod.yml",
    ),
    "backup": Command(
        "cli.backup",
        "[--production] [--to DIR] [--models]",
        "all that could not be had again, in one file; seven days of them are kept",
    ),
    "restore": Command("cli.restore", "FILE [--check]", "put a backup back"),
    "completion": Command(
        "cli.completion", "bash|zsh|fish", "what a shell needs to complete all of this"
    ),
    "lock": Command("cli.lock", "", "write the lock files from pyproject.toml"),
    "proto": Command("cli.proto", "", "write the gRPC code from proto/"),
    "docs": Command("cli.docs", "", "write docs/api.md and docs/command-line.md from the code"),
    "monitoring": Command(
        "cli.monitoring", "", "write rules, alerts and dashboards from monitoring/objectives.yml"
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    return reported(lambda: _run(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: list[str]) -> int:
    name, *rest = arguments or ["help"]
    if name in ("help", "--help", "-h"):
        if not rest:
            print_help(sys.stdout)
            return 0
        name, rest = rest[0], ["--help"]
    if name in ("version", "--version"):
        print(f"parley {__version__}")
        return 0
    if name not in COMMANDS:
        print(f"parley: there is no command {name!r}{_suggestion(name)}", file=sys.stderr)
        return EXIT_MISCONFIGURED
    try:
        _take_environment()
        module = importlib.import_module(COMMANDS[name].module)
    except ModuleNotFoundError:
        if rest != ["--help"]:
            raise
        print_usage(name, sys.stdout)  # there is no environment yet
        return 0
    status: int = module.main(rest)
    return status


def print_help(to: TextIO) -> None:
    print("Parley: a voice agent on this machine.\n\nusage: ./run COMMAND\n", file=to)
    width = max(len(f"{name} {command.usage}") for name, command in COMMANDS.items())
    for name, command in COMMANDS.items():
        print(f"  {f'{name} {command.usage}':<{width}}  {command.summary}", file=to)
    more = "`./run COMMAND --help` says more about one of them, `./run --version` the version."
    print(f"\n{more}", file=to)


def print_usage(name: str, to: TextIO) -> None:
    command = COMMANDS[name]
    print(f"usage: ./run {name} {command.usage}".rstrip(), file=to)
    print(f"\n{command.summary}", file=to)


def _suggestion(name: str) -> str:
    nearest = difflib.get_close_matches(name, COMMANDS, n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else "; `./run help` lists them"


def _take_environment() -> None:
    """The variables of `.env`, and the ports of the Parley that runs, as `up` was told them."""
    from ops.supervisor.record import RecordFile  # noqa: PLC0415 - help must not need them
    from parley import paths  # noqa: PLC0415
    from parley.settings.dotenv import read_dotenv  # noqa: PLC0415
    from parley.settings.port_offset import PORT_OFFSET  # noqa: PLC0415

    is_given = bool(os.environ.get(PORT_OFFSET))
    # Beside the folder of the configuration files: theirs, wherever they are.
    for variable, value in read_dotenv(paths.config_dir().parent / ".env").items():
        os.environ.setdefault(variable, value)
    if is_given:
        return
    with suppress(ConfigurationError):  # of a state folder that is none: who needs it says so
        if (running := RecordFile(paths.state_dir()).running()) is not None:
            os.environ[PORT_OFFSET] = str(running.port_offset or "")


if __name__ == "__main__":
    leave(main())
