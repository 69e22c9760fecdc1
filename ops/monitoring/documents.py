"""The files that `./run monitoring` writes, and whether they are what it would write now."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ops.monitoring.burn_rates import burn_rate_alerts, recording_groups, table
from ops.monitoring.dashboards import dashboards
from ops.monitoring.objectives import FILE as OBJECTIVES
from ops.monitoring.objectives import read_objectives
from parley.errors import ConfigurationError

RECORDING = Path("monitoring/recording.yml")
ALERTS = Path("monitoring/alerts.yml")
PAGE = Path("docs/objectives.md")
GRAFANA = Path("monitoring/grafana/dashboards")

_SOURCE = f"Written by `./run monitoring` from {OBJECTIVES}; do not edit it here."
_BEGIN, _END = "objectives: begin", "objectives: end"


def documents(repository: Path) -> dict[Path, str]:
    """Each file, from the repository on, with what belongs into it.

    Raises ConfigurationError where the objectives, or the files that they are written into, are no
    good.
    """
    objectives = read_objectives(repository / OBJECTIVES)
    groups = _yaml({"groups": recording_groups(objectives)})
    alerts = _yaml([{"name": "objectives", "rules": burn_rate_alerts(objectives)}])
    return {
        RECORDING: f"# {_SOURCE}\n{groups}",
        ALERTS: _within(repository / ALERTS, "# {}", _indented(f"# {_SOURCE}\n{alerts}")),
        PAGE: _within(repository / PAGE, "<!-- {} -->", f"\n{table(objectives)}\n"),
    } | {GRAFANA / name: text for name, text in dashboards(objectives).items()}


def stale(repository: Path) -> list[Path]:
    """The files that are not what they should be."""
    return [
        file
        for file, text in documents(repository).items()
        if not (repository / file).is_file()
        or (repository / file).read_text(encoding="utf-8") != text
    ]


def write(repository: Path) -> list[Path]:
    """Writes what is stale, and says what that was."""
    changed = stale(repository)
    for file, text in documents(repository).items():
        (repository / file).parent.mkdir(parents=True, exist_ok=True)
        (repository / file).write_text(text, encoding="utf-8")
    return changed


def _within(file: Path, mark: str, text: str) -> str:
    """The file with `text` between its two marks."""
    page = file.read_text(encoding="utf-8")
    begin, end = mark.format(_BEGIN), mark.format(_END)
    head, found_begin, rest = page.partition(f"{begin}\n")
    _, found_end, tail = rest.partition(end)
    if not (found_begin and found_end):
        raise ConfigurationError(f"{file}: the lines {begin!r} and {end!r} are to be in it")
    indent = " " * (len(head) - len(head.rstrip(" ")))
    return f"{head}{begin}\n{text}{indent}{end}{tail}"


def _indented(text: str) -> str:
    return "".join(f"  {line}" if line.strip() else line for line in text.splitlines(keepends=True))


def _yaml(value: Mapping[str, Any] | list[dict[str, Any]]) -> str:
    dumped: str = yaml.dump(value, sort_keys=False, width=1000, allow_unicode=True)
    return dumped
