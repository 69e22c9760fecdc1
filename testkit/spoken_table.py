"""The table of right values for spoken text: its lines, how they are compared, and which half is
only reported.

A line is `kind`, `written` (⏎ is a new line) and `spoken`, tab-separated. `spoken` is several
values with ` | ` between them; within one, `{a|per}` is a choice, `#90210#` stands for digits one
by one, and `-` alone for nothing.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

ENGLISH_TABLE = Path(__file__).parent.parent / "tests/dialogue/text/english_table"

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_CHOICE = re.compile(r"\{([^{}]*)\}")
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_NUMBERS = (
    f"{'|'.join(_DIGITS)}|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|"
    f"nineteen|{_TENS}"
)
_AND = re.compile(rf"\b(hundred|thousand|million|billion) and (?=(?:{_NUMBERS})\b)")
_SINGLE_LETTERS = re.compile(r"\b[^\W\d_](?: [^\W\d_]\b(?!\x00))*(?: [^\W\d_]\x00s\b)?")
"""Of a spelled word, the last of which may have a possessive s."""
_BESIDE_A_LETTER = re.compile(r"(?<=[^\W\d_])(\d)(?!\d)|(?<!\d)(\d)(?=[^\W\d_])")


@dataclass(frozen=True)
class TableLine:
    """One text as it is written, and what may be said for it."""

    kind: str
    written: str
    spoken: str

    @property
    def reported(self) -> bool:
        """Whether it is in the half that no rule may be written from. Told by a hash of the
        text, so that a line never moves and nobody has chosen."""
        key = f"{self.kind}\t{self.written}".encode()
        return hashlib.sha256(key).digest()[0] % 2 == 1

    @cached_property
    def right(self) -> frozenset[str]:
        """All that may be said, as `comparable` has it."""
        return frozenset(map(comparable, _choices(self.spoken)))

    def accepts(self, said: str) -> bool:
        """Spaces between letters that are spelled make no difference: "AC DC", "a c d c"."""
        words = comparable(said)
        if words in self.right:
            return True
        spelled = re.search(r"\b[A-Z]{2,}\b", said) is not None
        return spelled and words.replace(" ", "") in {r.replace(" ", "") for r in self.right}


def table(folder: Path = ENGLISH_TABLE) -> list[TableLine]:
    """All lines, file by file. Raises ValueError for a line that is none."""
    return [line for path in sorted(folder.glob("*.tsv")) for line in _lines(path)]


def comparable(said: str) -> str:
    """The words alone: lower case, no punctuation, letters that are spelled as one word.

    What a voice reads alike is alike: "A.M." and "AM", "H2O" and "H two O", "nine oh five" and
    "nine zero five", "one hundred and two" and "one hundred two", "R&D" and "R and D".
    """
    text = unicodedata.normalize("NFC", said).casefold()
    text = re.sub(r"(?<=\w)&(?=\w)", " and ", text)
    text = re.sub(r"['’‘]", "", re.sub(r"(?<=\b\w)['’]s\b", "\x00s", text))
    text = "".join(c if _is_kept(c) else " " for c in text)
    text = _BESIDE_A_LETTER.sub(lambda m: f" {_DIGITS[int(m[1] or m[2])]} ", text)
    text = re.sub(r"(?<=\d)(?=[^\W\d_])|(?<=[^\W\d_])(?=\d)", " ", text)
    text = re.sub(r"\boh\b", "zero", " ".join(text.split()))
    text = _SINGLE_LETTERS.sub(lambda m: m[0].replace(" ", ""), text).replace("\x00", "")
    return _AND.sub(r"\1 ", text)


def _is_kept(character: str) -> bool:
    return character.isalnum() or character == "\x00" or unicodedata.category(character) == "Mn"


def _lines(path: Path) -> Iterator[TableLine]:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        match line.split("\t"):
            case [kind, written, spoken] if kind and written and spoken:
                yield TableLine(kind, written.replace("⏎", "\n"), spoken)
            case _:
                raise ValueError(f"{path.name}, line {number}: not kind, written and spoken")


def _choices(spoken: str) -> Iterator[str]:
    if spoken == "-":
        yield ""
        return
    spoken = re.sub(r"#(\d+)#", lambda m: " ".join(_DIGITS[int(d)] for d in m[1]), spoken)
    for value in re.split(r" \| ", spoken):
        yield from _expanded(value)


def _expanded(value: str) -> Iterator[str]:
    """Each choice taken in turn, the innermost first."""
    parts = _CHOICE.split(value)
    if len(parts) == 1:
        yield value
        return
    chosen = [part.split("|") if at % 2 else [part] for at, part in enumerate(parts)]
    for whole in product(*chosen):
        yield from _expanded("".join(whole))
