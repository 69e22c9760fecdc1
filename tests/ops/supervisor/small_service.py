"""A supervisor of small parts as a process of its own: `small_service.py STATE_DIR MARKER`."""

import sys
from pathlib import Path

from ops.supervisor.service import Service
from tests.ops.supervisor.small_parts import server_part


def main() -> None:
    marker = sys.argv[2]
    first = server_part("livekit", marker=marker)
    second = server_part("agent", marker=marker, after=("livekit",), child=True)
    Service(
        Path(sys.argv[1]),
        first.ready_url,
        lambda: [first, second],
        on_change=lambda status: None,
        on_ready=lambda record: print("ready", flush=True),
    ).run()


if __name__ == "__main__":
    main()
