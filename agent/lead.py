"""How much of a reply is there before it sounds: as much as the last ones turned out to need."""

FIRST_LEAD_S = 0.3
"""Until a reply has been heard: a call begins with a greeting, which nobody waits for."""
LONGEST_LEAD_S = 0.5
"""A worker that is later than this is late for another reason."""


class Lead:
    """One call's. Audio comes in pieces, on a busy machine unevenly: a reply that sounds from its
    first piece on then breaks off before the second. On a quiet one nothing is waited for."""

    def __init__(self) -> None:
        self.wanted_s = FIRST_LEAD_S
        """Of audio, before the next reply sounds."""
        self._began_with_s = 0.0
        self._needed_s = 0.0

    def reply_sounds(self, ahead_s: float) -> None:
        """A reply begins, or goes on after a gap, with so much of it there."""
        self._began_with_s = ahead_s

    def more_came(self, left_s: float) -> None:
        """The next piece came with this much left to play; less than nothing after a gap."""
        self._needed_s = max(self._needed_s, self._began_with_s - left_s)

    def reply_ended(self) -> None:
        """The next reply needs as much as this one; when that was less, the wish fades."""
        self.wanted_s = min(max(self._needed_s, self.wanted_s / 2), LONGEST_LEAD_S)
        self._needed_s = 0.0
