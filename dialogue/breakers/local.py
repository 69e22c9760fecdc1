"""Circuit breakers of one process: the rules, in memory."""

import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from dialogue.breakers.circuit import (
    BUCKETS,
    BreakerPolicy,
    BreakerSnapshot,
    BreakerState,
    BreakerVerdict,
    CallAdmission,
    CallOutcome,
)
from parley.clock import Clock, monotonic


@dataclass
class _Bucket:
    number: int
    calls: int = 0
    bad: int = 0


@dataclass
class _Circuit:
    state: BreakerState = "closed"
    period: str = ""
    until_s: float = 0.0
    """Open: when one may probe; half-open: when the probe's lease ends."""
    buckets: deque[_Bucket] = field(default_factory=deque)

    def turn(self, state: BreakerState, *, until_s: float = 0.0) -> None:
        self.state, self.until_s = state, until_s
        self.period = secrets.token_hex(8)
        self.buckets.clear()


class LocalCircuits:
    """The script of `shared.py` says the same for all processes: one contract test holds both."""

    def __init__(self, *, clock: Clock = monotonic) -> None:
        self._clock = clock
        self._circuits: dict[str, _Circuit] = {}

    @property
    def kept_in(self) -> Literal["memory"]:
        return "memory"

    async def admit(self, name: str, policy: BreakerPolicy) -> BreakerVerdict:
        """See Circuits."""
        circuit, now_s = self._circuit(name), self._clock()
        before = circuit.state
        if before == "closed":
            admission: CallAdmission | None = CallAdmission(circuit.period)
        elif now_s >= circuit.until_s:
            circuit.turn("half_open", until_s=now_s + policy.probe_s)
            admission = CallAdmission(circuit.period, is_probe=True)
        else:
            admission = None
        return BreakerVerdict(self._snapshot(circuit, policy), before, admission)

    async def record(
        self, name: str, policy: BreakerPolicy, admission: CallAdmission, outcome: CallOutcome
    ) -> BreakerVerdict:
        """See Circuits."""
        circuit, now_s = self._circuit(name), self._clock()
        before = circuit.state
        if admission.period == circuit.period:
            if before == "half_open":
                if outcome == "ok":
                    circuit.turn("closed")
                else:
                    circuit.turn("open", until_s=now_s + policy.open_s)
            elif before == "closed":
                self._count(circuit, policy, is_bad=outcome != "ok")
                calls, bad = self._counts(circuit, policy)
                if bad >= policy.bad_calls and bad >= policy.bad_share * calls:
                    circuit.turn("open", until_s=now_s + policy.open_s)
        return BreakerVerdict(self._snapshot(circuit, policy), before)

    async def release(self, name: str, policy: BreakerPolicy, admission: CallAdmission) -> None:
        """See Circuits."""
        circuit = self._circuit(name)
        if circuit.state == "half_open" and circuit.period == admission.period:
            circuit.until_s = self._clock()

    async def reset(self, name: str, policy: BreakerPolicy) -> BreakerVerdict:
        """See Circuits."""
        circuit = self._circuit(name)
        before = circuit.state
        circuit.turn("closed")
        return BreakerVerdict(self._snapshot(circuit, policy), before)

    async def snapshots(
        self, policy_of: Callable[[str], BreakerPolicy]
    ) -> Mapping[str, BreakerSnapshot]:
        """See Circuits."""
        return {
            name: self._snapshot(circuit, policy_of(name))
            for name, circuit in self._circuits.items()
        }

    async def aclose(self) -> None:
        """Nothing is held."""

    def snapshot(self, name: str, policy: BreakerPolicy) -> BreakerSnapshot | None:
        """None: never heard of."""
        circuit = self._circuits.get(name)
        return None if circuit is None else self._snapshot(circuit, policy)

    def adopt(self, name: str, snapshot: BreakerSnapshot) -> None:
        """Takes over what is known elsewhere; what was counted here is of no use then."""
        circuit = self._circuit(name)
        circuit.state, circuit.period = snapshot.state, snapshot.period
        circuit.until_s = self._clock() + snapshot.left_s
        circuit.buckets.clear()

    def _circuit(self, name: str) -> _Circuit:
        return self._circuits.setdefault(name, _Circuit())

    def _count(self, circuit: _Circuit, policy: BreakerPolicy, *, is_bad: bool) -> None:
        number = int(self._clock() * BUCKETS / policy.window_s)
        if not circuit.buckets or circuit.buckets[-1].number != number:
            circuit.buckets.append(_Bucket(number))
        circuit.buckets[-1].calls += 1
        circuit.buckets[-1].bad += is_bad

    def _counts(self, circuit: _Circuit, policy: BreakerPolicy) -> tuple[int, int]:
        oldest = int(self._clock() * BUCKETS / policy.window_s) - BUCKETS
        while circuit.buckets and circuit.buckets[0].number <= oldest:
            circuit.buckets.popleft()
        return sum(b.calls for b in circuit.buckets), sum(b.bad for b in circuit.buckets)

    def _snapshot(self, circuit: _Circuit, policy: BreakerPolicy) -> BreakerSnapshot:
        left_s = max(0.0, circuit.until_s - self._clock()) if circuit.state != "closed" else 0.0
        calls, bad = self._counts(circuit, policy)
        return BreakerSnapshot(circuit.state, circuit.period, left_s, calls, bad)
