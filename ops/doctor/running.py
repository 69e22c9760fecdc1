"""What runs: the parts, where Parley is up, else whether their ports are free."""

from collections.abc import Iterator

from ops.doctor.finding import Finding, ok, problem
from ops.supervisor.configuration import Configuration
from ops.supervisor.keys import LiveKitKeys
from ops.supervisor.parts import local_parts
from ops.supervisor.ports import collisions, why_not_free
from ops.supervisor.record import RecordFile
from ops.supervisor.report import ask_parts
from parley.errors import ConfigurationError


def check_running(configuration: Configuration) -> Iterator[Finding]:
    """A finding for each part, or for each port that a part would listen on."""
    record = RecordFile(configuration.state_dir).running()
    if record is None:
        yield from _ports(configuration)
        return
    for report in ask_parts(record):
        subject = f"part {report.name}"
        if report.is_well:
            yield ok(subject, f"ready, PID {report.pid}, {report.memory_mb:.0f} MB")
        else:
            detail = f"{report.state}: {report.detail}" if report.detail else report.state
            yield problem(subject, detail, f"./run logs {report.name}")


def _ports(configuration: Configuration) -> Iterator[Finding]:
    try:
        parts = local_parts(configuration, keys=LiveKitKeys("", ""), livekit_server=None)
    except ConfigurationError as error:
        yield problem("ports", f"not looked at: {error}", "mend that first")
        return
    for number, claimed in collisions(parts):
        detail, _, remedy = claimed.partition(": ")
        yield problem(f"port {number}", f"port {number} {detail}", remedy)
    for part in parts:
        for port in part.ports:
            reason = why_not_free(port, part_name=part.name)
            if reason is None:
                yield ok(f"port {port.port}", f"free for {part.name}")
            else:
                detail, _, remedy = reason.partition(": ")
                yield problem(f"port {port.port}", detail, remedy)
