"""The supervisor of `up --detach`: the same service, with a log in place of a terminal."""

import logging
import sys

from ops.supervisor.configuration import read_configuration
from ops.supervisor.part import PartState
from ops.supervisor.parts import PART_NAMES
from ops.supervisor.preparation import Preparation
from ops.supervisor.record import StackRecord
from ops.supervisor.service import Service
from ops.supervisor.stack import make_parts
from ops.supervisor.supervisor import PartStatus, failure_message
from parley import paths
from parley.program import EXIT_FAILED, reported
from parley.telemetry.logs import configure_logging

_log = logging.getLogger("ops.supervisor")


def main() -> int:
    """Runs until SIGTERM; the record says why, when it ends before all parts were ready."""
    configuration = read_configuration(paths.config_dir(), paths.state_dir())
    configure_logging(configuration.orchestrator.telemetry, part="supervisor")
    preparation = Preparation(configuration, PART_NAMES)
    service = Service(
        configuration.state_dir,
        configuration.page_url,
        lambda: make_parts(configuration, PART_NAMES),
        app=configuration.orchestrator.agent.app,
        apps=configuration.orchestrator.agent.apps,
        on_change=_log_change,
        on_ready=_log_ready,
        until_prepared=preparation.until_ready,
    )
    try:
        return 0 if service.run() else EXIT_FAILED
    finally:
        preparation.cancel()


def _log_change(status: PartStatus) -> None:
    if status.state is PartState.FAILED:
        _log.error("%s", failure_message(status))
    elif status.state is PartState.RESTARTING:
        _log.warning("%s has died: %s", status.name, status.reason)
    else:
        _log.info("%s: %s", status.name, status.state)


def _log_ready(record: StackRecord) -> None:
    _log.info("all parts are ready; the page is at %s", record.page_url)


if __name__ == "__main__":
    sys.exit(reported(main))
