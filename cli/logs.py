"""`./run logs`: the end of what the parts have written, and what they write next."""

import sys
import time

from ops.supervisor.part_log import LogFollower, last_lines
from ops.supervisor.parts import PART_NAMES
from ops.supervisor.record import RecordFile
from parley import paths
from parley.arguments import CommandParser
from parley.errors import SupervisorError

_POLL_S = 0.2
_LINES_OF_ONE, _LINES_OF_EACH = 100, 15


def main(arguments: list[str]) -> int:
    """Prints until the end, with -f until Ctrl-C; raises SupervisorError where there is nothing."""
    options = make_parser().parse_args(arguments)
    files = {file.stem: file for file in sorted((paths.state_dir() / "logs").glob("*.log"))}
    if not files:
        RecordFile(paths.state_dir()).read()  # says so where that folder is none
        raise SupervisorError("there are no logs yet: ./run up starts Parley")
    if options.part is not None:
        if options.part not in files:
            known = ", ".join(files)
            raise SupervisorError(
                f"there is no log of {options.part!r}; there are those of {known}"
            )
        files = {options.part: files[options.part]}
    count = options.lines
    if count is None:
        count = _LINES_OF_ONE if options.part else _LINES_OF_EACH
    if RecordFile(paths.state_dir()).running() is None:
        told = "nothing runs: this is of the last run; ./run up starts Parley"
        print(f"parley: {told}", file=sys.stderr)
    followers = {part: LogFollower(file) for part, file in files.items()}
    for part, file in files.items():
        _print(part, last_lines(file, count), alone=len(files) == 1)
    while options.follow:
        for part, follower in followers.items():
            _print(part, follower.new_lines(), alone=len(files) == 1)
        time.sleep(_POLL_S)  # a file that grows has nothing to wait on
    return 0


def _print(part: str, lines: list[str], *, alone: bool) -> None:
    for line in lines:
        print(line if alone else f"{part:<10} | {line}", flush=True)


def make_parser() -> CommandParser:
    parser = CommandParser(prog="./run logs", description=__doc__)
    parser.add_argument(
        "part", metavar="PART", nargs="?", help="one part alone; without it, all of them"
    )
    parser.suggest("part", (*PART_NAMES, "supervisor"))
    parser.add_argument("-f", "--follow", action="store_true", help="go on until Ctrl-C")
    parser.add_argument(
        "-n", "--lines", type=int, metavar="N", help="lines from the end of each log"
    )
    return parser
