"""When a call has lost its agent, and how often it may be given another: judged on looks at it."""

from collections import deque
from dataclasses import dataclass, field

GONE_S = 1.0
"""An agent that was there and is away so long will not come back by itself: one that changes its
connection is away for less."""
UNTAKEN_S = 10.0
"""Without an agent so long after a dispatch that no agent server has taken, none will come. LiveKit
offers a dispatch once, and tells of the server that took it up to 5 s later."""
DECLINED_S = 2.0
"""The same where the agent servers say that none has taken it."""
STARTING_S = 30.0
"""The same for a dispatch that was taken: a process that is not warm takes its time."""

MOST_DISPATCHES = 3
WITHIN_S = 60.0


@dataclass
class CallLooks:
    """What the looks at one room have shown. Times are seconds of one monotonic clock."""

    dispatch: str | None = None
    """The id of the dispatch that is to bring the agent; None before it was asked for."""
    agent_was_there: bool = False
    alone_since_s: float | None = None
    was_taken: bool = False
    """Whether an agent server has taken the dispatch."""
    dispatched_at_s: deque[float] = field(default_factory=deque)
    """When the call was given another agent for one that it had, by whichever gateway."""

    def look(self, now_s: float, *, has_person: bool, has_agent: bool) -> bool:
        """Whether a person is without an agent; then the dispatch is worth asking for."""
        if has_agent:
            self.agent_was_there = True
        if has_agent or not has_person:
            self.alone_since_s = None
            return False
        if self.alone_since_s is None:
            self.alone_since_s = now_s
        return True

    def has_lost_agent(
        self,
        now_s: float,
        *,
        dispatch: str,
        is_taken: bool,
        has_died: bool = False,
        untaken_s: float = UNTAKEN_S,
    ) -> bool:
        """Whether the agent that `dispatch` was to bring has gone, or will not come.

        `is_taken`: an agent server has taken the dispatch; `has_died`: and says that its job died.
        `untaken_s`: how long one that none has taken is waited for.
        """
        if dispatch != self.dispatch:
            if self.dispatch is not None:  # another gateway was quicker
                self._dispatched(now_s)
            self.dispatch = dispatch
        self.was_taken |= is_taken or self.agent_was_there
        if self.alone_since_s is None:
            return False
        if has_died:
            return True
        patience_s = GONE_S if self.agent_was_there else STARTING_S if is_taken else untaken_s
        return now_s - self.alone_since_s >= patience_s

    def may_dispatch(self, now_s: float) -> bool:
        """Whether another agent may be sent: an agent that cannot live must not die for ever."""
        while self.dispatched_at_s and now_s - self.dispatched_at_s[0] > WITHIN_S:
            self.dispatched_at_s.popleft()
        return len(self.dispatched_at_s) < MOST_DISPATCHES

    def dispatched(self, now_s: float, *, dispatch: str) -> None:
        """We have dispatched again."""
        self.dispatch = dispatch
        self._dispatched(now_s)

    def _dispatched(self, now_s: float) -> None:
        if self.was_taken:  # who merely waits for a place waits as long as it likes
            self.dispatched_at_s.append(now_s)
        self.was_taken = False
        self.agent_was_there = False
        self.alone_since_s = now_s
