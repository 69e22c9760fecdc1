"""How much of a reply is there before it sounds: as much as it can be expected to need.

Audio comes in pieces, on a busy machine unevenly: a reply that sounded from its first piece on
would break off before the second. On a quiet one nothing is waited for.
"""

from collections.abc import Sequence
from pathlib import Path

from parley.control_group import own_groups

FIRST_LEAD_S = 0.3
"""Until a reply has been heard: a call begins with a greeting, which nobody waits for. It is a
guess, and counts for nothing once the greeting has shown what replies need here."""
LONGEST_LEAD_S = 1.0
FADE = 0.7
"""Of what the replies before needed, from one reply to the next."""
STARVED = 0.2
"""Share of time in which something beside us waited for a core: from here on pieces are
late by more than the replies before tell, for the load changes faster than they come."""
_MACHINE = Path("/proc/pressure/cpu")


def pressure_file(groups: Sequence[Path]) -> Path:
    """Where Linux tells how long this process's control group, the first of `groups`, waited for a
    core (PSI): in a container what its neighbors wait for does not count. The machine's, where it
    has none."""
    own = [group / "cpu.pressure" for group in groups[:1]]
    return own[0] if own and own[0].is_file() else _MACHINE


_PRESSURE = pressure_file(own_groups())


def cpu_pressure(file: Path = _PRESSURE) -> float:
    """Of the last ten seconds, 0 to 1; 0 where the kernel does not tell."""
    try:
        some = file.read_text(encoding="ascii").split("\n", 1)[0]
        return float(some.split("avg10=")[1].split()[0]) / 100
    except (OSError, IndexError, ValueError):
        return 0.0


class Prebuffer:
    """One call's."""

    def __init__(self) -> None:
        self._learned_s: float | None = None
        self._began_with_s = 0.0
        self._needed_s = 0.0

    def wanted_s(self, *, pressure: float, begun: bool = False) -> float:
        """Of audio, before a reply sounds under this pressure, or goes on where it has `begun`:
        on a quiet machine at once, for a gap does not get better by being longer."""
        if pressure >= STARVED:
            return LONGEST_LEAD_S
        if begun:
            return 0.0
        return FIRST_LEAD_S if self._learned_s is None else self._learned_s

    def reply_sounds(self, ahead_s: float) -> None:
        """A reply begins, or goes on after a gap, with so much of it there."""
        self._began_with_s = ahead_s

    def more_came(self, left_s: float) -> None:
        """The next piece came with this much left to play; less than nothing after a gap."""
        self._needed_s = max(self._needed_s, self._began_with_s - left_s)

    def reply_ended(self) -> None:
        """The next reply needs as much as this one; when that was less, the wish fades."""
        needed_s = min(self._needed_s, LONGEST_LEAD_S)
        self._learned_s = max(needed_s, FADE * (self._learned_s or 0.0))
        self._needed_s = 0.0
