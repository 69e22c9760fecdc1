"""Which part of what was heard is remembered: the answer, and not the fillers between its words."""

from dataclasses import dataclass, field
from itertools import takewhile


@dataclass(frozen=True)
class _Piece:
    text: str
    turn_id: str | None
    """None: said, and not remembered."""


@dataclass
class SpokenScript:
    """What a reply says, in the order in which it was given to the voice."""

    _pieces: list[_Piece] = field(default_factory=list)

    def add(self, text: str, *, turn_id: str | None) -> None:
        """`turn_id` of the turn that the text answers; None for a filler."""
        self._pieces.append(_Piece(text, turn_id))

    @property
    def turn_ids(self) -> list[str]:
        """The turns that are answered, in order."""
        return list(dict.fromkeys(piece.turn_id for piece in self._pieces if piece.turn_id))

    @property
    def begins_with_filler(self) -> bool:
        """Whether what is said first is no part of an answer."""
        return bool(self._pieces) and self._pieces[0].turn_id is None

    def answer_has_begun(self, heard: str) -> bool:
        """Whether the transcript that has sounded goes beyond the fillers it begins with."""
        before = takewhile(lambda piece: piece.turn_id is None, self._pieces)
        return _count(heard) > sum(_count(piece.text) for piece in before)

    def remembered(self, heard: str) -> dict[str, str]:
        """What was heard of each turn's answer, given the transcript that has sounded.

        The transcript is the text as it was written, but for markup and spaces: letters and
        digits are what the two have in common.
        """
        if all(piece.turn_id for piece in self._pieces) and len(self.turn_ids) == 1:
            return {self.turn_ids[0]: heard}
        kept = dict.fromkeys(self.turn_ids, "")
        place = 0
        for index, piece in enumerate(self._pieces):
            is_last = index == len(self._pieces) - 1
            end = len(heard) if is_last else _after(heard, place, _count(piece.text))
            if piece.turn_id:
                kept[piece.turn_id] += heard[place:end]
            place = end
        return kept


def _count(text: str) -> int:
    return sum(map(str.isalnum, text))


def _after(text: str, place: int, count: int) -> int:
    """Behind the next `count` letters and digits, and what follows them up to the next one."""
    while place < len(text) and (count or not text[place].isalnum()):
        count -= text[place].isalnum()
        place += 1
    return place


def after_letters(text: str, beginning: str) -> str:
    """`text` without its beginning, which is the same but for spaces and signs."""
    return text[_after(text, 0, _count(beginning)) :]
