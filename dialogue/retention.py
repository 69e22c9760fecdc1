"""What people said goes after `sessions.keep_days`, and with it what was decided about it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from dialogue.approvals.opening import open_approvals
from dialogue.approvals.store import ApprovalStore
from dialogue.sessions.opening import open_store
from dialogue.sessions.store import SessionStore
from parley.errors import ParleyError
from parley.retention import Purge, forgetting
from parley.settings import OrchestratorSettings


def purges_of(sessions: SessionStore, approvals: ApprovalStore | None) -> Mapping[str, Purge]:
    """Sessions by their beginning, approvals by their end."""
    purges: dict[str, Purge] = {
        "sessions": lambda before_s: sessions.purge(began_before_s=before_s)
    }
    if approvals is not None:
        purges["approvals"] = lambda before_s: approvals.purge(ended_before_s=before_s)
    return purges


def forgetting_talks(
    settings: OrchestratorSettings, sessions: SessionStore, approvals: ApprovalStore | None
) -> AbstractAsyncContextManager[None]:
    """Forgets what is old in these stores while the block runs, which has them open."""
    return forgetting(
        purges_of(sessions, approvals), settings.sessions.keep_days, failure=ParleyError
    )


@asynccontextmanager
async def forgetting_calls(settings: OrchestratorSettings) -> AsyncGenerator[None]:
    """The same over stores of its own, for a process whose calls have processes of theirs.

    Raises ConfigurationError for stores that cannot be used.
    """
    sessions, approvals = open_store(settings.sessions), open_approvals(settings.approvals)
    try:
        async with forgetting_talks(settings, sessions, approvals):
            yield
    finally:
        await sessions.aclose()
        if approvals is not None:
            await approvals.aclose()
