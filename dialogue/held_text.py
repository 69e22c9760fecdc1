"""Holds back what of an answer cannot be said yet, or must perhaps not be said at all.

Its beginning, until there is something in it to say, and while it only repeats what was said
before a tool ran. And an unfinished sentence, as long as the voice has enough to say before it:
where the model is cut off in the middle of that, it is left out.
"""

import re
from collections.abc import Callable, Sequence

from dialogue.text.languages import Language
from dialogue.text.segmenter import ends_sentence

ENOUGH_S = 8.0
"""With this much of the answer still to be said, a sentence may wait for its end. The synthesis
begins a clause 1.5 s ahead, and a clause is up to some seconds long."""
_PERHAPS_ENDS = re.compile(r"[.!?…。！？][^\w\s]*(?:\s+|\Z)|\n")


class HeldText:
    """Of one request to the model. All methods return what is to be said now."""

    def __init__(
        self, language: Language, said_before: Sequence[str], left_to_say_s: Callable[[], float]
    ) -> None:
        """`said_before`: the answer's texts so far, of earlier requests."""
        self._language = language
        self._said_before = [text.strip() for text in said_before if text.strip()]
        self._left_to_say_s = left_to_say_s
        self._text = ""
        self._begun = False

    @property
    def waits(self) -> bool:
        """Whether a part of a sentence is held back that will be due."""
        return self._begun and bool(self._text)

    def add(self, text: str) -> str:
        self._text += text
        self._begun = self._begun or not (self._is_empty or self._repeats(whole=False))
        if not self._begun:
            return ""
        return self.due() if self._left_to_say_s() <= ENOUGH_S else self._sentences()

    def due(self) -> str:
        """What is held back, because the voice will need it."""
        text, self._text = self._text, ""
        return text

    def rest(self) -> str:
        """The answer is complete. Without a word, or repeated, it is not said."""
        nothing = not self._begun and (self._is_empty or self._repeats(whole=True))
        return "" if nothing else self.due()

    def whole_sentences(self) -> str:
        """The answer was cut off."""
        return self._sentences() if self._begun else self.rest()

    @property
    def _is_empty(self) -> bool:
        return not any(map(str.isalnum, self._text))

    def _repeats(self, *, whole: bool) -> bool:
        text = self._text.strip()
        return any(
            said == text or (not whole and said.startswith(text)) for said in self._said_before
        )

    def _sentences(self) -> str:
        for match in reversed(list(_PERHAPS_ENDS.finditer(self._text))):
            if ends_sentence(self._text[: match.end()], self._language):
                said, self._text = self._text[: match.end()], self._text[match.end() :]
                return said
        return ""
