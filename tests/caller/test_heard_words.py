"""Where hearing ended: recognition's mistakes in the middle do not move it."""

import pytest

from caller.heard_words import WordErrors, heard_until, word_errors

SCRIPT = "Amsterdam has 165 canals, and most of its houses stand on wooden poles in the mud."


@pytest.mark.parametrize(
    ("heard", "words"),
    [
        ("", 0),
        ("Amsterdam", 1),
        ("Amsterdam has one hundred and sixty five canals", 7),
        ("Amster damn has 165 canals and most", 9),
        ("Amsterdam has 165 camels, and most of its horses", 12),
        ("Amsterdam has 165 canals, and most of its houses sta", 13),
        ("Amsterdam has 165 canals, and most of its houses. Thank you.", 12),
        (SCRIPT, 19),
    ],
)
def test_the_last_word_heard_is_found_whatever_is_wrong_before_it(heard: str, words: int) -> None:
    assert heard_until(SCRIPT, heard) == words


def test_lost_and_repeated_words_are_told_apart() -> None:
    said = "one two three four"
    assert word_errors(said, "one three four") == WordErrors(4, lost=1, repeated=0, wrong=0)
    assert word_errors(said, "one two two three four") == WordErrors(4, 0, repeated=1, wrong=0)
    assert word_errors("", "you") == WordErrors(0, 0, 1, 0)
