"""The store of approvals that the settings name."""

from dialogue.approvals.memory import MemoryApprovals
from dialogue.approvals.sql import SqlApprovals
from dialogue.approvals.store import ApprovalStore
from parley import paths
from parley.settings.approvals import ApprovalsSection

FILE = "operations.db"


def open_approvals(settings: ApprovalsSection) -> ApprovalStore | None:
    """None: tools that need approval are refused. Connects to nothing yet; who opens it closes it.

    Raises ConfigurationError for a URL that the store cannot use.
    """
    if not settings.enabled:
        return None
    if settings.store == "memory":
        return MemoryApprovals()
    return SqlApprovals(settings.url.get_secret_value() or paths.state_dir() / FILE)
