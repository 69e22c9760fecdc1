"""Values that the benchmarks' command lines take."""

import argparse
from collections.abc import Sequence
from typing import Any

import yaml

from parley.errors import ConfigurationError


def positive(text: str) -> int:
    """A whole number of at least 1; raises ArgumentTypeError for anything else."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Adds `--set`, which may be given several times; `settings_of` reads it."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FILE.SECTION.KEY=VALUE",
        help="a setting to be tried, such as orchestrator.turn.end_of_turn=judged",
    )


def settings_of(wishes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """From `file.section.key=value`: changes of configs/FILE.yaml, by file; the value is YAML.
    Raises ConfigurationError."""
    changed: dict[str, dict[str, Any]] = {}
    for wish in wishes:
        name, _, value = wish.partition("=")
        parts = name.split(".")
        if len(parts) != 3 or parts[0] not in ("orchestrator", "worker"):
            raise ConfigurationError(f"--set {wish}: it is not FILE.SECTION.KEY=VALUE")
        file, section, key = parts
        changed.setdefault(file, {}).setdefault(section, {})[key] = yaml.safe_load(value)
    return changed
