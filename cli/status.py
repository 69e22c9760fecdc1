"""`./run status`: how each part is doing at this moment."""

from parley.arguments import CommandParser
import json

from rich.console import Console

from ops.doctor.finding import Finding
from ops.doctor.language_model import check_llm
from ops.supervisor.media_network import why_no_media
from ops.supervisor.record import RecordFile
from ops.supervisor.report import as_json, ask_parts, show
from parley import paths
from parley.disk import why_full
from parley.errors import ConfigurationError
from parley.settings import load_orchestrator


def main(arguments: list[str]) -> int:
    """0 when Parley runs and every part is well, else 1."""
    options = make_parser().parse_args(arguments)
    file = RecordFile(paths.state_dir())
    record = file.running()
    if record is None:
        last = file.read()
        failure = last.failure if last is not None else ""
        if options.json:
            print(json.dumps({"running": False, "failure": failure or None, "parts": []}, indent=2))
        else:
            last_run = f"; its last run failed: {failure}" if failure else ""
            print(f"Parley is not running{last_run}\n./run up starts it")
        return 1
    reports = ask_parts(record)
    model, disk = _remote_model(), why_full(paths.state_dir())
    if options.json:
        model_json = None if model is None else {"level": model.level, "detail": model.detail}
        told = {"remote_llm": model_json, "disk": disk, "media": why_no_media()}
        print(json.dumps(as_json(record, reports) | told, indent=2))
    else:
        stop = "stop: ./run down    logs: ./run logs [PART] [-f]"
        show(Console(), record, reports, stop=stop, model=model)
        if disk is not None:
            print(f"\nparley: warning: {disk}: calls go on, but logs and metrics are lost")
        if (no_media := why_no_media()) is not None:
            print(f"\nparley: warning: {no_media}")
    return 0 if reports and all(report.is_well for report in reports) else 1


def _remote_model() -> Finding | None:
    """How a language model elsewhere is doing; None where it is one of the parts."""
    try:
        settings = load_orchestrator()
    except ConfigurationError:
        return None
    return None if settings.llm_is_local else check_llm(settings, asks=False)


def make_parser() -> CommandParser:
    parser = CommandParser(prog="./run status", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    return parser
