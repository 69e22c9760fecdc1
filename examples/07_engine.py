"""An engine of your own in place of a language model: rules, another framework, anything."""

import re
from collections.abc import AsyncIterator

from parley import Done, Event, HangUp, Session, TextDelta, Turn

NAMES = "zero one two three four five six seven eight nine ten eleven twelve".split()
"""Some recognizers write "7", others "seven"."""


def numbers_in(text: str) -> list[int]:
    words = [NAMES.index(w) if w in NAMES else w for w in re.findall(r"\w+", text.lower())]
    return [int(word) for word in words if str(word).isdigit()]


class Adder:
    """Adds up the numbers that a person says; one object for each session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.total = 0

    async def respond(self, turn: Turn) -> AsyncIterator[Event]:
        if "bye" in turn.text.lower():
            yield TextDelta(f"The sum is {self.total}. Goodbye!")
            yield HangUp()
        elif numbers := numbers_in(turn.text):
            # A voice front asks on a guess: effects wait until the person has surely finished.
            await turn.committed()
            self.total += sum(numbers)
            yield TextDelta(f"That makes {self.total}.")
        else:
            yield TextDelta("Tell me a number, or say goodbye.")
        yield Done()

    async def heard(self, turn_id: str, text: str, *, interrupted: bool) -> None:
        """So much of the answer was heard."""
