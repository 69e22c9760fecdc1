"""The code that a page of the documentation shows, for the tests that run it."""

import re
from dataclasses import dataclass
from pathlib import Path

from parley import paths

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Fence:
    """A block of code. `under`: the heading that it stands below; `text` ends with a new line."""

    language: str
    under: str
    text: str


def fences(page: Path | str, *languages: str, under: str = "") -> tuple[Fence, ...]:
    """The blocks of a page (a name in docs/, or a file), in order; of these languages, and below
    this heading, where such are given."""
    file = paths.repository() / "docs" / page
    text = file.read_text(encoding="utf-8")
    headings = [(0, ""), *((found.end(), found[1]) for found in _HEADING.finditer(_bare(text)))]
    shown = [
        Fence(found[1], [name for end, name in headings if end <= found.start()][-1], found[2])
        for found in _FENCE.finditer(text)
    ]
    return tuple(
        fence
        for fence in shown
        if (not languages or fence.language in languages) and under in ("", fence.under)
    )


def _bare(text: str) -> str:
    """The page with its code blanked, comments of which look like headings."""
    return _FENCE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
