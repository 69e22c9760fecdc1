"""`./run restart`: stops a running Parley and starts it again, detached, with the same apps."""

import argparse

from cli import down, up
from ops.supervisor.record import RecordFile
from parley import paths
from parley.settings import load_orchestrator


def main(arguments: list[str]) -> int:
    """0 once all parts are ready; raises ParleyError if Parley does not stop or start."""
    parser = argparse.ArgumentParser(prog="./run restart", description=__doc__)
    parser.add_argument(
        "--app",
        action="append",
        default=[],
        metavar="[NAME=]APP",
        help="as for ./run up; without it, who answered before",
    )
    apps = parser.parse_args(arguments).app
    record = RecordFile(paths.state_dir()).running()
    configured = load_orchestrator().agent
    as_configured = configured.app, dict(configured.apps)
    if not apps and record is not None and (record.app, record.apps) != as_configured:
        apps = [record.app, *(f"{name}={app}" for name, app in record.apps.items())]
    up.check(apps)  # what runs is not stopped for what would not start
    down.main([])
    return up.main(["--detach", *(word for app in apps for word in ("--app", app))])
