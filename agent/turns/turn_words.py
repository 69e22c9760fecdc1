"""What the words of a turn say of its end: a table's worth of small facts, in any language."""

import re
from dataclasses import dataclass

from dialogue.text.languages.language import TurnWords

_WORD = re.compile(r"[\w']+")
_NUMBER = re.compile(r"\d+")
WHOLE_NUMBER_DIGITS = 7
_OPEN_ENDING = -3.0
"""Of open words where endings were not counted: what English ones have, in the median."""
SHORT_WORDS = 2
"""An answer is so short, where it is not told by its first word."""


@dataclass(frozen=True)
class TurnWordsHeard:
    """What recognition has made of a turn by a pause, as far as it tells whether it ended."""

    is_question: bool = False
    is_sentence: bool = False
    """It ends in a full stop or an exclamation mark, as recognition hears it."""
    is_open: bool = False
    """Its last word wants another after it, or is looked for: "and", "the", "um"."""
    is_open_question: bool = False
    """It is open and written as a question, and no question that may end so."""
    is_listing: bool = False
    """It ends in a comma, a dash or dots."""
    has_number_begun: bool = False
    """It ends in a number that is said digit by digit, and has hardly any of them: "my phone number
    is 555"."""
    is_answer: bool = False
    """It is short, and answers what the agent has just asked, or is an answer by itself: "yes"."""
    ending: float = 0.0
    """How often turns end in its last word, in log odds against words anywhere."""

    @classmethod
    def of(cls, text: str, words: TurnWords, *, asked: bool = False) -> "TurnWordsHeard":
        """`asked`: the agent's last words were a question."""
        written = text.rstrip().rstrip("\"'”’)")
        heard = _WORD.findall(written.casefold().replace("’", "'"))
        if not heard:
            return cls()
        last = heard[-1]
        first_answers = heard[0] in words.answers
        is_open = last in words.hesitations or (last in words.open and not first_answers)
        is_question = written.endswith("?")
        may_end_openly = not words.asking or not words.asking.isdisjoint(heard)
        return cls(
            is_question=is_question,
            is_sentence=written.endswith((".", "!")) and not written.endswith(".."),
            is_open=is_open,
            is_open_question=is_open and is_question and not may_end_openly,
            is_listing=written.endswith((",", "-", "–", "—", "…", "..", ":", ";")),
            has_number_begun=0 < _digits_at_end(heard, words) < WHOLE_NUMBER_DIGITS
            and not words.numbered.isdisjoint(heard),
            is_answer=(first_answers and len(heard) <= 2 * SHORT_WORDS)
            or (asked and len(heard) <= SHORT_WORDS and last not in words.hesitations),
            ending=words.endings.get(last, _OPEN_ENDING if is_open else 0.0),
        )


def _digits_at_end(heard: list[str], words: TurnWords) -> int:
    """How many digits, or words of numbers, the text ends in."""
    count = 0
    for word in reversed(heard):
        if _NUMBER.fullmatch(word):
            count += len(word)
        elif word in words.numbers:
            count += 1
        else:
            break
    return count
