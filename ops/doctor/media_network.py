"""The network that the media of calls needs."""

from ops.doctor.finding import Finding, ok, problem
from ops.supervisor.media_network import REMEDY, why_no_media


def check_media_network() -> Finding:
    """A problem where no call could connect."""
    if (reason := why_no_media()) is not None:
        return problem("media", reason, REMEDY)
    return ok("media", "an interface beside the loopback is up")
