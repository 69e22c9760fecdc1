"""A plugin of pytest: `--failures FILE` keeps which tests of a run failed, and why."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

OPTION = "--failures"
_LAST_LINES = 12
"""Of what a failed test has to say: the assertion and where it stands."""
_WIDTH = 240


@dataclass(frozen=True)
class Failure:
    """One test that failed, or a file whose tests could not be read."""

    name: str
    """As pytest is given it."""
    reason: str
    """The last lines of its first report."""


def read_failures(file: Path) -> list[Failure]:
    """In the order of their failing; none where no run has written the file."""
    if not file.is_file():
        return []
    return [Failure(**failure) for failure in json.loads(file.read_text(encoding="utf-8"))]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, type=Path, metavar="FILE", help="keep there what failed, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    file = config.getoption(OPTION)
    # A process of xdist is given the options, too: the one that started it hears all reports.
    if file is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailureRecord(file))


class FailureRecord:
    """Hears the reports of a run and writes what failed at its end."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._failures: dict[str, Failure] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._hear(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._hear(report)

    def pytest_sessionfinish(self) -> None:
        failures = [asdict(failure) for failure in self._failures.values()]
        self._file.write_text(json.dumps(failures), encoding="utf-8")

    def _hear(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.failed and report.nodeid not in self._failures:
            lines = [line[:_WIDTH] for line in report.longreprtext.splitlines()[-_LAST_LINES:]]
            self._failures[report.nodeid] = Failure(report.nodeid, "\n".join(lines))
