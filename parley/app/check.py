"""Loads the apps that are named and says what is wrong: `python -m parley.app.check APP…`.

A process of its own, for whoever wants to know and is not to run what a developer wrote.
"""

import sys

from parley.app.loading import load_app
from parley.program import reported


def main() -> int:
    """0 when each can be loaded; 2 and one sentence for the first that cannot."""
    for name in sys.argv[1:]:
        load_app(name)
    return 0


if __name__ == "__main__":
    sys.exit(reported(main))
