"""`./run down`: stops a running Parley and waits for the end of it."""

import signal

from ops.supervisor.record import RecordFile, await_leftovers
from parley import paths
from parley.arguments import CommandParser
from parley.errors import SupervisorError

LONGEST_STOP_S = 60.0


def main(arguments: list[str]) -> int:
    """0 when nothing of Parley runs any more; raises SupervisorError otherwise."""
    make_parser().parse_args(arguments)
    file = RecordFile(paths.state_dir())
    record = file.running()
    if record is not None:
        try:
            ended = record.supervisor.end(signal.SIGTERM, within_s=LONGEST_STOP_S)
        except PermissionError:
            raise SupervisorError(
                f"Parley runs as another user (PID {record.supervisor.pid}); stop it as that user"
            ) from None
        if not ended:
            record.supervisor.end(signal.SIGKILL, within_s=LONGEST_STOP_S)
    await_leftovers(file.read(), within_s=LONGEST_STOP_S)
    print("Parley has stopped." if record is not None else "Parley is not running.")
    return 0


def make_parser() -> CommandParser:
    return CommandParser(prog="./run down", description=__doc__)
