"""A caller that is a process of its own: killed it is a phone without power, stopped one without
a network."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from caller.access import Access
from parley import paths

_CALLER = """
import asyncio, sys
from caller.access import Access
from caller.client import join

async def main():
    async with join(Access.model_validate_json(sys.argv[1])):
        print("joined", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@contextmanager
def caller_process(access: Access) -> Iterator["subprocess.Popen[str]"]:
    """It is in the room with an open microphone, and says nothing; killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", _CALLER, access.model_dump_json()],
        cwd=paths.repository(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "joined\n"
        yield process
    finally:
        process.kill()
        process.communicate()
