"""What a circuit breaker decides by, what it is asked and what it answers, wherever it is kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from parley.errors import ParleyError

BreakerState = Literal["closed", "open", "half_open"]
CallOutcome = Literal["ok", "failed", "slow"]

BUCKETS = 10
"""Parts of the window: the oldest tenth of it leaves at a time."""
HALF_OPEN_RETRY_S = 1.0
"""After which to ask again while another's probe is under way, at most."""


class BreakerOpenError(ParleyError):
    """A call that was not made: what it would have asked fails too often. Ask again after
    `retry_after_s`."""

    def __init__(self, name: str, retry_after_s: float) -> None:
        super().__init__(
            f"{name} fails too often and is left alone: it is tried again in {retry_after_s:.1f} s"
        )
        self.name = name
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, kw_only=True)
class BreakerPolicy:
    """When a breaker opens, and for how long."""

    window_s: float = 30.0
    """Calls that ended longer ago do not count."""
    bad_calls: int = 5
    """So many calls of the window have to be bad, failed or slow, before it opens."""
    bad_share: float = 0.5
    """And so large a share of them all."""
    slow_s: float = 10.0
    """A call that takes longer is slow."""
    open_s: float = 10.0
    """How long nothing is asked before one call may probe."""
    probe_s: float = 30.0
    """A probe whose end was never told, as of a killed process, is given to another after it."""


@dataclass(frozen=True)
class CallAdmission:
    """A call that may be made. `period` is the time between two changes of the breaker: what a
    call of an earlier one comes to counts no more."""

    period: str
    is_probe: bool = False


@dataclass(frozen=True)
class BreakerSnapshot:
    """How a breaker stands."""

    state: BreakerState = "closed"
    period: str = ""
    left_s: float = 0.0
    """While it is open: until one call may probe; half-open: until the probe's lease ends."""
    calls: int = 0
    """That ended in the window, of which `bad` failed or were slow."""
    bad: int = 0

    @property
    def retry_after_s(self) -> float:
        """When to ask again; 0: now."""
        return min(self.left_s, HALF_OPEN_RETRY_S) if self.state == "half_open" else self.left_s


@dataclass(frozen=True)
class BreakerVerdict:
    """What was decided: the state after it, and before it. They differ for one caller alone, of
    all processes: for the one whose call changed it."""

    after: BreakerSnapshot
    before: BreakerState
    admission: CallAdmission | None = None
    """None: the call may not be made, or there was none."""


class Circuits(Protocol):
    """Where breakers are kept. A name that was never heard of is a closed breaker."""

    async def admit(self, name: str, policy: BreakerPolicy) -> BreakerVerdict:
        """Whether one call may be made now."""
        ...

    async def record(
        self, name: str, policy: BreakerPolicy, admission: CallAdmission, outcome: CallOutcome
    ) -> BreakerVerdict:
        """What an admitted call came to."""
        ...

    async def release(self, name: str, policy: BreakerPolicy, admission: CallAdmission) -> None:
        """An admitted call was given up and says nothing: its lease, if it is a probe, is free."""
        ...

    async def reset(self, name: str, policy: BreakerPolicy) -> BreakerVerdict:
        """Closes it and forgets what was counted."""
        ...

    async def snapshots(
        self, policy_of: Callable[[str], BreakerPolicy]
    ) -> Mapping[str, BreakerSnapshot]:
        """Every breaker that has been heard of, in any process; `policy_of` a name."""
        ...

    @property
    def kept_in(self) -> Literal["memory", "redis", "memory (redis is away)"]:
        """Who shares them: this process alone, or all over one Redis."""
        ...

    async def aclose(self) -> None: ...
