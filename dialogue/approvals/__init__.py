"""Tool calls that wait for a person's decision."""

from dialogue.approvals.old import (
    APPROVAL_DEADLINE_S as APPROVAL_DEADLINE_S,
)
from dialogue.approvals.old import (
    Approvals as Approvals,
)
from dialogue.approvals.old import (
    InProcessApprovals as InProcessApprovals,
)
from dialogue.approvals.old import (
    PendingApproval as PendingApproval,
)
from dialogue.approvals.old import (
    Verdict as Verdict,
)
from dialogue.approvals.old import (
    decided as decided,
)
