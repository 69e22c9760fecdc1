"""`./run replay DIR`: a recorded call's turn-taking, decided again from what was recorded."""

import json
import sys
from pathlib import Path

from agent.turns.recording import FloorChange, RecordingError, fingerprint, replay
from parley.arguments import CommandParser
from parley.room_events import TURN_RECORDING_FILE


def main(arguments: list[str]) -> int:
    """0 when the decisions are the same, 1 when they differ, 2 when there is nothing to replay."""
    options = make_parser().parse_args(arguments)
    file: Path = options.folder / TURN_RECORDING_FILE
    try:
        recorded, again = replay(file.read_text(encoding="utf-8").splitlines())
    except OSError as error:
        print(f"parley: {file} cannot be read: {error.strerror}", file=sys.stderr)
        return 2
    except (RecordingError, UnicodeDecodeError) as error:
        print(f"parley: {file}: {error}", file=sys.stderr)
        return 2
    same = fingerprint(recorded) == fingerprint(again)
    if options.json:
        document = {
            "same": same,
            "recorded": fingerprint(recorded),
            "replayed": fingerprint(again),
            "floors": [turned.model_dump(include={"at_s", "floor"}) for turned in again],
        }
        print(json.dumps(document))
    else:
        _print(recorded, again, same=same)
    return 0 if same else 1


def _print(recorded: list[FloorChange], again: list[FloorChange], *, same: bool) -> None:
    began_s = min((turned.at_s for turned in recorded + again), default=0.0)
    for turned in again:
        print(f"{turned.at_s - began_s:9.3f} s  {turned.floor}")
    print(f"recorded  {fingerprint(recorded)}\nreplayed  {fingerprint(again)}")
    if not same:
        first = next(
            (n for n, pair in enumerate(zip(recorded, again, strict=False)) if pair[0] != pair[1]),
            min(len(recorded), len(again)),
        )
        print(f"parley: the two differ from decision {first + 1} on", file=sys.stderr)


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="./run replay",
        description="Decides a call that `./run call --record DIR` kept again, and compares.",
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="what --record wrote")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser
