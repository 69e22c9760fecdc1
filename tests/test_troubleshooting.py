"""docs/troubleshooting.md quotes what the code says: a message that has changed is found."""

import ast
import re
from functools import cache

import pytest

from parley import paths

ROOT = paths.repository()
PAGE = ROOT / "docs" / "troubleshooting.md"
SPEAKERS = ("parley", "agent", "gateway", "workers", "dialogue", "ops", "caller", "cli")
LONGEST = 600
"""Characters: what is longer is a docstring."""
HOLE = "\0"
"""Where a message has a name or a number."""


def quoted() -> list[str]:
    return re.findall(r"^\| `(.+?)`(?: \(|\s*\|)", PAGE.read_text("utf-8"), flags=re.MULTILINE)


@cache
def said() -> tuple[str, ...]:
    """Every text in the code, with holes for what is put into it."""
    found = []
    for folder in SPEAKERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    found.append("".join(_text(part) for part in node.values))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(re.sub(r"%(\.\d+)?[srdfg]", HOLE, node.value))
    return tuple(text for text in found if len(text) < LONGEST)


def _text(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else HOLE


def test_there_are_messages() -> None:
    assert len(quoted()) > 40


@pytest.mark.parametrize("message", quoted())
def test_a_message_of_the_page_is_one_of_the_code(message: str) -> None:
    pieces = message.split("…")
    longest = max(pieces, key=len)
    pattern = re.compile(r".*?".join(map(re.escape, pieces)), re.DOTALL)
    near = [text for text in said() if longest in text]
    assert any(pattern.search(text) for text in near), message
