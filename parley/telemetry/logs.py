"""Log lines: one per event, times in UTC, no personal data at INFO and above."""

import logging
import sys
import time


def configure_logging(level: str, *, part: str) -> None:
    """Sends this process's log to standard error, each line naming the part (`tts`, `agent`)."""
    formatter = logging.Formatter(
        f"%(asctime)s.%(msecs)03dZ %(levelname)-7s {part} %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
