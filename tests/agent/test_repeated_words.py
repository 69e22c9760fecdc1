"""Words that are the agent's own, as recognition makes them of an echo, and words that are not."""

import pytest

from agent.turns.repeated_words import repeats

SAID = (
    "Bicycles are the quickest way through an old town. Shall I book a table for two at seven, "
    "or would you rather have the terrace?"
)


@pytest.mark.parametrize(
    "text",
    [
        "Bicycles are the quickest way",
        "bicycle's are the quickest wave through",
        "terrace",
        "rather have the terraced",
        "Shall I book a cable for two at eleven?",
        "by cycles are the quick east way",
    ],
)
def test_an_echo_is_known_by_its_words(text: str) -> None:
    assert repeats(text, SAID)


@pytest.mark.parametrize(
    "text",
    ["", "No, at eight please.", "Wait", "Is it far from the station?", "The inner room", "for"],
)
def test_other_words_are_somebody_elses(text: str) -> None:
    assert not repeats(text, "Bicycles are the quickest way through an old town.")


def test_so_many_words_may_be_asked_for() -> None:
    assert repeats("the terrace", SAID)
    assert not repeats("the terrace", SAID, shortest=3)
