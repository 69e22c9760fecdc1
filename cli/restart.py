"""`./run restart`: stops a running Parley and starts it again, detached, with the same apps."""

import os

from cli import down, up
from ops.supervisor.record import RecordFile
from parley import paths
from parley.arguments import CommandParser
from parley.settings import load_orchestrator
from parley.settings.port_offset import PORT_OFFSET


def main(arguments: list[str]) -> int:
    """0 once all parts are ready; raises ParleyError if Parley does not stop or start."""
    options = make_parser().parse_args(arguments)
    apps = options.app
    record = RecordFile(paths.state_dir()).running()
    configured = load_orchestrator().agent
    as_configured = configured.app, dict(configured.apps)
    if not apps and record is not None and (record.app, record.apps) != as_configured:
        apps = [record.app, *(f"{name}={app}" for name, app in record.apps.items())]
    if options.port_offset is not None:
        os.environ[PORT_OFFSET] = options.port_offset
    up.check(apps)  # what runs is not stopped for what would not start
    down.main([])
    return up.main(["--detach", *(word for app in apps for word in ("--app", app))])


def make_parser() -> CommandParser:
    parser = CommandParser(prog="./run restart", description=__doc__)
    up.add_app(parser, "; without it, who answered before")
    up.add_port_offset(parser)
    return parser
