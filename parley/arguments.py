"""The arguments of a command: what is wrong with them is one sentence, and where to read more."""

import argparse
from typing import NoReturn

from parley.program import EXIT_MISCONFIGURED


class CommandParser(argparse.ArgumentParser):
    """An ArgumentParser whose complaint is one line like every other message of a command."""

    def error(self, message: str) -> NoReturn:
        """Exits with EXIT_MISCONFIGURED."""
        self.exit(EXIT_MISCONFIGURED, f"parley: {message}; {self.prog} --help says more\n")
