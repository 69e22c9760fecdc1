"""What the words of a turn say of its end: a table's worth of small facts, in any language."""

import re
from dataclasses import dataclass

from dialogue.text.languages.language import TurnWords

_WORD = re.compile(r"[\w']+")
_NUMBER = re.compile(r"\d+")
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
    is_listing: bool = False
    """It ends in a comma, a dash or dots."""
    ends_in_number: bool = False
    """It ends in digits or words of a number: more of them may come."""
    is_answer: bool = False
    """It is short, and answers what the agent has just asked, or is an answer by itself: "yes"."""

    @classmethod
    def of(cls, text: str, words: TurnWords, *, asked: bool = False) -> "TurnWordsHeard":
        """`asked`: the agent's last words were a question."""
        written = text.rstrip().rstrip("\"'”’)")
        heard = _WORD.findall(written.casefold().replace("’", "'"))
        if not heard:
            return cls()
        last = heard[-1]
        first_answers = heard[0] in words.answers
        return cls(
            is_question=written.endswith("?"),
            is_sentence=written.endswith((".", "!")) and not written.endswith(".."),
            is_open=last in words.hesitations or (last in words.open and not first_answers),
            is_listing=written.endswith((",", "-", "–", "—", "…", "..", ":", ";")),
            ends_in_number=_NUMBER.search(last) is not None or last in words.numbers,
            is_answer=(first_answers and len(heard) <= 2 * SHORT_WORDS)
            or (asked and len(heard) <= SHORT_WORDS and last not in words.hesitations),
        )
