"""How much of a reply is there before it sounds: as much as it can be seen to need."""

FIRST_LEAD_S = 0.3
"""Until a reply has been heard: a call begins with a greeting, which nobody waits for."""
FADE = 0.7
"""Of what the replies before needed, from one reply to the next."""
SHARE_OF_FIRST_AUDIO = 1.5
"""The next piece is made as the first one was: by a quick worker before that has sounded."""
LONGEST_LEAD_S = 0.5
"""A worker that is later than this is late for another reason."""


class Lead:
    """One call's. Audio comes in pieces, on a busy machine unevenly: a reply that sounds from its
    first piece on then breaks off before the second. On a quiet one nothing is waited for."""

    def __init__(self) -> None:
        self._learned_s = FIRST_LEAD_S
        self._began_with_s = 0.0
        self._needed_s = 0.0

    def wanted_s(self, first_audio_s: float) -> float:
        """Of audio, before a reply sounds whose first took so long."""
        return min(max(self._learned_s, SHARE_OF_FIRST_AUDIO * first_audio_s), LONGEST_LEAD_S)

    def reply_sounds(self, ahead_s: float) -> None:
        """A reply begins, or goes on after a gap, with so much of it there."""
        self._began_with_s = ahead_s

    def more_came(self, left_s: float) -> None:
        """The next piece came with this much left to play; less than nothing after a gap."""
        self._needed_s = max(self._needed_s, self._began_with_s - left_s)

    def reply_ended(self) -> None:
        """The next reply needs as much as this one; when that was less, the wish fades."""
        needed_s = min(self._needed_s, LONGEST_LEAD_S)
        self._learned_s = max(needed_s, FADE * self._learned_s)
        self._needed_s = 0.0
