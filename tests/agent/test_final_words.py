"""Words that recognition will not change any more, over the agent's voice or into the wait."""

import pytest

from agent.turns.floor import Decision
from tests.agent.test_floor import Person


@pytest.mark.parametrize("text", ["That's", "Oh, so", "Well"])
def test_words_that_are_final_are_decided_by_before_they_are_given_away(text: str) -> None:
    """Decided later, the answer would be cut, and the words would be nobody's turn."""
    person = Person()
    person.sounds(1.0)
    person.is_silent(0.4)
    person.turns.agent_thinks()
    person.sounds(0.3)
    person.is_silent(0.1)
    person.is_understood(text, confidence=0.8)
    assert Decision.YIELD not in person.made
    person.is_understood(text, confidence=0.8, final=True)
    assert person.made[-1] is Decision.YIELD
    assert person.turns.takes_turn(text, confidence=0.8)
