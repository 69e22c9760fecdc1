"""`./run status`: how each part is doing at this moment."""

import json

from rich.console import Console

from ops.doctor.finding import Finding
from ops.doctor.language_model import check_llm
from ops.supervisor.media_network import REMEDY, why_no_media
from ops.supervisor.record import RecordFile, StackRecord
from ops.supervisor.report import MODEL_PART, are_well, as_json, ask_parts, show
from parley import paths
from parley.arguments import CommandParser
from parley.disk import why_full
from parley.errors import ConfigurationError
from parley.settings import load_orchestrator


def main(arguments: list[str]) -> int:
    """0 when Parley runs and every part is well, the language model included, else 1."""
    options = make_parser().parse_args(arguments)
    file = RecordFile(paths.state_dir())
    record = file.running()
    if record is None:
        _tell_that_nothing_runs(file.read(), as_json=options.json)
        return 1
    reports = ask_parts(record)
    is_part = any(report.name == MODEL_PART for report in reports)
    model, disk, media = _model(is_part=is_part), why_full(paths.state_dir()), why_no_media()
    if options.json:
        told_model = None if model is None else {"level": model.level, "detail": model.detail}
        told = {"llm": told_model, "disk": disk, "media": media}
        print(json.dumps(as_json(record, reports) | told, indent=2))
    else:
        stop = "stop: ./run down    logs: ./run logs [PART] [-f]"
        show(Console(), record, reports, stop=stop, model=model)
        if disk is not None:
            print(f"\nparley: warning: {disk}: calls go on, but logs and metrics are lost")
        if media is not None:
            print(f"\nparley: warning: {media}\n  → {REMEDY}")
    return 0 if are_well(reports, model) else 1


def _tell_that_nothing_runs(last: StackRecord | None, *, as_json: bool) -> None:
    failure = last.failure if last is not None else ""
    if as_json:
        print(json.dumps({"running": False, "failure": failure or None, "parts": []}, indent=2))
    else:
        last_run = f"; its last run failed: {failure}" if failure else ""
        print(f"Parley is not running{last_run}\n./run up starts it")


def _model(*, is_part: bool) -> Finding | None:
    """How it is doing; None where nobody uses it, or the settings cannot be read any more."""
    try:
        settings = load_orchestrator()
    except ConfigurationError:
        return None
    is_used = is_part or not settings.llm_is_on_this_machine
    return check_llm(settings, runs=True) if is_used else None


def make_parser() -> CommandParser:
    parser = CommandParser(prog="./run status", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    return parser
