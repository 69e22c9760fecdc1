"""`./run monitoring`: writes rules, alerts, dashboards and their table from the objectives."""

from ops.monitoring.documents import write
from parley import paths
from parley.arguments import CommandParser


def main(arguments: list[str]) -> int:
    make_parser().parse_args(arguments)
    written = write(paths.repository())
    for file in written:
        print(f"wrote {file}")
    if not written:
        print("all is as it should be")
    return 0


def make_parser() -> CommandParser:
    return CommandParser(prog="./run monitoring", description=__doc__)
