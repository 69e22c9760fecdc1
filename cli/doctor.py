"""The command itself: runs every check, prints a table or JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from ops.doctor.configuration import check_app, check_files
from ops.doctor.finding import Finding, Level
from ops.doctor.folders import FOLDERS, check_folders
from ops.doctor.language_model import check_llm
from ops.doctor.machine import check_machine, check_network
from ops.doctor.media_network import check_media_network
from ops.doctor.programs import check_programs
from ops.doctor.running import check_running
from ops.doctor.setup import check_setup
from ops.supervisor.configuration import read_configuration
from ops.supervisor.record import RecordFile
from parley import paths
from parley.arguments import CommandParser

_MARKS = {
    Level.OK: "[green]✓[/]",
    Level.WARNING: "[yellow]![/]",
    Level.PROBLEM: "[red]✗[/]",
}


def main(arguments: list[str]) -> int:
    """0 when nothing keeps Parley from running, else 1."""
    options = make_parser().parse_args(arguments)
    findings = examine()
    is_well = all(finding.level is not Level.PROBLEM for finding in findings)
    if options.json:
        document = {"ok": is_well, "findings": [asdict(finding) for finding in findings]}
        print(json.dumps(document, indent=2))
    else:
        show(Console(), findings)
    return 0 if is_well else 1


def examine() -> list[Finding]:
    """Every finding; what stands on folders or files that cannot be used is left out."""
    findings = [*check_machine(), *check_folders()]
    if any(found.level is Level.PROBLEM for found in findings if found.subject in FOLDERS):
        return [*findings, check_network(is_needed=False)]
    files = list(check_files())
    findings += files
    if any(found.level is Level.PROBLEM for found in files):
        return [*findings, check_network(is_needed=False)]
    configuration = read_configuration(paths.config_dir(), paths.state_dir())
    is_running = RecordFile(configuration.state_dir).running() is not None
    app, agents = check_app(configuration)
    programs = list(check_programs(configuration))
    is_something_missing = any(
        finding.level is Level.WARNING and finding.subject != "Chromium" for finding in programs
    )
    return [
        *findings,
        app,
        *check_setup(configuration, agents),
        check_llm(configuration.orchestrator, runs=is_running),
        check_media_network(),
        *programs,
        check_network(is_needed=is_something_missing),
        *check_running(configuration),
    ]


def show(console: Console, findings: Sequence[Finding]) -> None:
    """One line per finding, and what to do below those that need it."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for finding in findings:
        remedy = f"\n[dim]→[/] {_plain(finding.remedy)}" if finding.remedy else ""
        table.add_row(
            _MARKS[finding.level], _plain(finding.subject), _plain(finding.detail) + remedy
        )
    console.print(table)
    count = sum(finding.level is Level.PROBLEM for finding in findings)
    problems = {0: "Nothing keeps Parley from running.", 1: "One problem."}
    console.print(f"\n{problems.get(count, f'{count} problems.')}")


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="./run doctor",
        description="Says what is wrong with this machine or its configuration.",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    return parser
