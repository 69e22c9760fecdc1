"""`python -m agent`: the room agent."""

import asyncio
import os
import sys
import tempfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from parley.errors import ParleyError
from parley.settings import load_orchestrator
from parley.telemetry.logs import configure_logging

_METRICS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
_BLOCKED_LOOP_MS = "LIVEKIT_AGENTS_LOOP_BLOCK_WARN_MS"
"""The framework looks five times as often whether an event loop hangs, with a thread of its own:
at its default, 100 ms, an eighth of what a call costs while nobody speaks."""


def main() -> int:
    """Runs until SIGTERM or SIGINT; returns 2 when it cannot begin."""
    try:
        settings = load_orchestrator()
        configure_logging(settings.telemetry, part="agent")
        with _metrics_directory() as directory:
            # prometheus_client reads it once, when it is first imported: here and in the job
            # processes, which inherit it.
            os.environ[_METRICS_DIRECTORY] = directory
            Path(directory).mkdir(parents=True, exist_ok=True)
            os.environ.setdefault(_BLOCKED_LOOP_MS, "500")
            from agent.health.metric_files import use_allocated_files  # noqa: PLC0415

            use_allocated_files()
            from agent.server import serve  # noqa: PLC0415

            asyncio.run(serve(settings, Path(directory)))
    except ParleyError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _metrics_directory() -> AbstractContextManager[str]:
    """The one that who starts us has made, else one of our own, which a killed agent leaves."""
    if given := os.environ.get(_METRICS_DIRECTORY):
        return nullcontext(given)
    return tempfile.TemporaryDirectory(prefix="parley-agent-metrics-")


if __name__ == "__main__":
    sys.exit(main())
