"""An engine of your own in place of a language model: rules, another framework, anything."""

import re
from collections.abc import AsyncIterator

from parley import Done, Event, HangUp, Session, TextDelta, Turn


class Adder:
    """Adds up the numbers that a person says; one object for each session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.total = 0

    async def respond(self, turn: Turn) -> AsyncIterator[Event]:
        if "bye" in turn.text.lower():
            yield TextDelta(f"The sum is {self.total}. Goodbye!")
            yield HangUp()
        elif numbers := [int(digits) for digits in re.findall(r"\d+", turn.text)]:
            # A voice front asks on a guess: effects wait until the person has surely finished.
            await turn.committed()
            self.total += sum(numbers)
            yield TextDelta(f"That makes {self.total}.")
        else:
            yield TextDelta("Tell me a number, or say goodbye.")
        yield Done()

    async def heard(self, turn_id: str, text: str, *, interrupted: bool) -> None:
        """So much of the answer was heard."""
