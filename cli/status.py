"""`./run status`: how each part is doing at this moment."""

import argparse
import json

from rich.console import Console

from ops.supervisor.record import RecordFile
from ops.supervisor.report import as_json, ask_parts, show
from parley import paths


def main(arguments: list[str]) -> int:
    """0 when Parley runs and every part is well, else 1."""
    parser = argparse.ArgumentParser(prog="./run status", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    options = parser.parse_args(arguments)
    file = RecordFile(paths.state_dir())
    record = file.running()
    if record is None:
        last = file.read()
        failure = last.failure if last is not None else ""
        if options.json:
            print(json.dumps({"running": False, "failure": failure or None, "parts": []}, indent=2))
        else:
            print(f"Parley is not running{f'; its last run failed: {failure}' if failure else ''}")
        return 1
    reports = ask_parts(record)
    if options.json:
        print(json.dumps(as_json(record, reports), indent=2))
    else:
        show(Console(), record, reports, stop="stop: ./run down    logs: ./run logs [PART] [-f]")
    return 0 if reports and all(report.is_well for report in reports) else 1
