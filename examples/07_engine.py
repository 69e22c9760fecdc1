"""An engine of your own in place of a language model: rules, another framework, anything."""

import re
from collections.abc import AsyncIterator

from parley import Done, Event, HangUp, Session, TextDelta, Turn

UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()


def numbers_in(text: str) -> list[int]:
    """Those below a hundred: some recognizers write "42", others "forty-two"."""
    found: list[int] = []
    before = ""
    for word in re.findall(r"\d+|[a-z]+", text.lower()):
        if word.isdigit():
            found.append(int(word))
        elif word in TENS[2:]:
            found.append(10 * TENS.index(word))
        elif word in UNITS[1:10] and before in TENS[2:]:
            found[-1] += UNITS.index(word)
        elif word in UNITS:
            found.append(UNITS.index(word))
        before = word
    return found


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
