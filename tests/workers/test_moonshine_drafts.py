"""Drafts: whatever is proposed, what is written is what the network would write, in less steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from workers.engines.moonshine.network import Network, rest_of
from workers.engines.moonshine.vocabulary import END

SAID = (11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22)
SIZE = 100
KEY = "past_key_values.0.decoder.key"


@dataclass(frozen=True)
class Named:
    name: str


class Decoder:
    """Writes SAID whatever it was told to begin with, one token after each; counts its runs.

    The cache holds the tokens themselves, so that a wrong cache is seen.
    """

    def __init__(self, *, steps: bool) -> None:
        self.steps = steps
        self.runs = 0

    def get_inputs(self) -> Sequence[Named]:
        return [Named("input_ids"), Named(KEY)]

    def get_outputs(self) -> Sequence[Named]:
        return [Named("logits"), Named("present.0.decoder.key")]

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any]) -> list[Any]:
        self.runs += 1
        ids = [int(token) for token in input_feed["input_ids"][0]]
        before = [int(token) for token in input_feed[KEY][0, 0, :, 0]] if self.steps else []
        if self.steps:
            assert before[1:] == list(SAID[: len(before) - 1]), "the cache holds other tokens"
        logits = np.zeros((1, len(ids), SIZE), np.float32)
        for position in range(len(ids)):
            written = len(before) + position
            logits[0, position, SAID[written] if written < len(SAID) else END] = 9.0
        return [logits, np.array([*before, *ids], np.float32).reshape(1, 1, -1, 1)]


def decoded(draft: Sequence[int]) -> tuple[list[int], int, int]:
    """What is written, and how many passes and steps it took."""
    first, step = Decoder(steps=False), Decoder(steps=True)
    tokens = []
    for token, log_prob in Network(first, first, step).tokens(np.zeros((1, 1, 1)), draft):
        assert log_prob == pytest.approx(0.0, abs=0.05)
        if token == END:
            break
        tokens.append(token)
    return tokens, first.runs, step.runs


@pytest.mark.parametrize(
    ("draft", "passes", "steps"),
    [
        ((), 1, 12),
        (SAID, 1, 0),
        (SAID[:9], 1, 3),
        ((*SAID[:9], 50), 1, 3),
        ((*SAID, 50, 51), 1, 0),
        (SAID[6:], 1, 12),
        ((50, *SAID[1:]), 2, 2),
        ((*SAID[:2], 50, *SAID[2:]), 2, 1),
        ((*SAID[:2], *SAID[3:]), 2, 2),
    ],
    ids=["none", "all", "a beginning", "a wrong end", "too much", "only the end", "another word",
         "a word too many", "a word missing"],
)  # fmt: skip
def test_what_is_written_does_not_depend_on_the_draft(
    draft: tuple[int, ...], passes: int, steps: int
) -> None:
    tokens, made_passes, made_steps = decoded(draft)
    assert tokens == list(SAID)
    assert (made_passes, made_steps) == (passes, steps)


def test_the_rest_of_a_draft_is_found_near_where_it_was() -> None:
    draft = (1, 2, 3, 4, 5, 6)
    assert rest_of(draft, [1, 2, 3]) == (4, 5, 6)
    assert rest_of(draft, [1, 9, 2, 3]) == (4, 5, 6)
    assert rest_of(draft, [9, 9]) == ()
    assert rest_of(draft, [3]) == ()
