"""Waiting until a part answers."""

import asyncio

from parley.probe import why_not_ready

_POLL_S = 0.2


async def until_ready(url: str) -> None:
    """Returns once the part at `url` (as `parley.probe` has it) is ready."""
    while await asyncio.to_thread(why_not_ready, url) is not None:  # noqa: ASYNC110
        # Another process's state: there is nothing to wait on but its answer.
        await asyncio.sleep(_POLL_S)
