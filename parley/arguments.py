"""The arguments of a command: what is wrong with them is one sentence, and where to read more."""

import argparse
from collections.abc import Iterable
from typing import Any, NoReturn

from parley.program import EXIT_MISCONFIGURED


class CommandParser(argparse.ArgumentParser):
    """An ArgumentParser whose complaint is one line like every other message of a command."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.suggested: dict[str, tuple[str, ...]] = {}
        """What a shell offers for an operand, by its destination, beside its `choices`."""

    def suggest(self, operand: str, words: Iterable[str]) -> None:
        """Has a shell offer the words for the operand of that destination, which may be others."""
        self.suggested[operand] = tuple(words)

    def error(self, message: str) -> NoReturn:
        """Exits with EXIT_MISCONFIGURED."""
        self.exit(EXIT_MISCONFIGURED, f"parley: {message}; {self.prog} --help says more\n")
