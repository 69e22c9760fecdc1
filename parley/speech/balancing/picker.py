"""Which worker is asked next: power of two choices over load per slot.

Source: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (2001). Two random
workers compared keep load as even as asking all, without every client running to the same one.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A worker as it is seen from here: by one client, or by a node whose clients share it."""

    target: str
    slots: int = 1
    own_in_flight: int = 0
    """Calls from here that the worker is busy with now."""
    own_open: int = 0
    """Calls from here at the worker, those included whose speech is only heard."""
    reported_load: int = 0
    """Streams from elsewhere, running and waiting, when the worker last said so."""
    expected_s: float = 0.0
    """What one more request waits for, as the worker last reported; 0 while nothing is known."""
    draining: bool = False
    reachable: bool = True
    circuit_closed: bool = True
    on_trial: bool = False
    """It was lost, and has not answered since."""
    slow: bool = False
    """It takes much longer to sound than the others do."""
    voices: frozenset[str] | None = None
    """Voices it can serve; None while it has not said."""
    stored: frozenset[str] = frozenset()
    """Voices whose files are on its machine."""
    resident: frozenset[str] = frozenset()
    """Voices in its memory."""

    @property
    def load(self) -> float:
        """Streams per slot."""
        return (self.own_in_flight + self.reported_load) / max(1, self.slots)

    @property
    def idle(self) -> bool:
        return self.own_in_flight + self.reported_load == 0

    def serves(self, voice: str) -> bool:
        return not voice or self.voices is None or voice in self.voices


def usable(
    candidates: Sequence[Candidate], *, voice: str = "", exclude: Collection[str] = ()
) -> list[Candidate]:
    """The candidates that may be asked for `voice`: not draining, not known to be lost."""
    return [
        candidate
        for candidate in candidates
        if candidate.target not in exclude
        and not candidate.draining
        and candidate.reachable
        and candidate.circuit_closed
        and candidate.serves(voice)
    ]


def pick(
    candidates: Sequence[Candidate],
    *,
    random: Random,
    voice: str = "",
    exclude: Collection[str] = (),
) -> Candidate | None:
    """The worker to ask, or None when none may be asked.

    A worker with the voice in memory is preferred as long as one has a slot free: loading
    costs seconds, waiting for a slot costs the same everywhere.
    """
    allowed = usable(candidates, voice=voice, exclude=exclude)
    warm = [candidate for candidate in allowed if voice in candidate.resident]
    if any(candidate.load < 1 for candidate in warm):
        allowed = warm
    if not allowed:
        return None
    # A slow worker counts as one whose slots are taken: it helps out when the others' are.
    two = random.sample(allowed, k=min(2, len(allowed)))
    return min(
        two,
        key=lambda candidate: (
            candidate.load + candidate.slow,
            candidate.own_open / max(1, candidate.slots),
        ),
    )
