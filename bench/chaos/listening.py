"""The suite's caller: it asks for the story by typing and hears the answer out."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bench.chaos.storyteller import Storyteller
from caller.access import Access
from caller.client import RoomClient, join
from caller.errors import CallError
from parley.audio import Audio

QUESTION = "Please tell me the story."
LISTENING = "listening"
BEGIN_S = 15.0
END_S = 90.0
SETTLED_S = 1.0
"""The reply has ended when the agent says that it listens, and nothing sounded for this long."""

Disturbance = Callable[[], Awaitable[None]]


class ReplyListener:
    """One call; made by `calling`."""

    def __init__(self, client: RoomClient, storyteller: Storyteller) -> None:
        self._client = client
        self._storyteller = storyteller

    async def until_audible(self, since_s: float) -> float:
        """Waits for the first sound since then; returns when it was noticed."""
        client = self._client
        if not await client.reached(lambda: not client.ear.quiet_since(since_s), timeout_s=BEGIN_S):
            raise CallError(f"nothing was heard of the agent for {BEGIN_S:.0f} s")
        return client.clock()

    async def hear(self, script: str, disturb: Disturbance | None = None) -> Audio:
        """Asks, and hears the answer, which is `script`; `disturb` runs once it is audible.

        Raises CallError when the call breaks off or nothing comes, and what `disturb` raises.
        """
        client = self._client
        self._storyteller.begin(script)
        asked_s = client.clock()
        await client.type(QUESTION)
        await self.until_audible(asked_s)
        try:
            async with asyncio.TaskGroup() as tasks:
                if disturb is not None:
                    tasks.create_task(_as_coroutine(disturb))
                tasks.create_task(self._until_settled(script))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None  # the first has cancelled the other
        return client.ear.between(asked_s, client.clock())

    async def _until_settled(self, script: str) -> None:
        client = self._client
        await self._storyteller.told(len(script.split()))

        def settled() -> bool:
            quiet = client.ear.quiet_since(client.clock() - SETTLED_S)
            return quiet and client.agent_state == LISTENING

        if not await client.reached(settled, timeout_s=END_S):
            raise CallError(f"the reply did not end within {END_S:.0f} s")


async def _as_coroutine(disturb: Disturbance) -> None:
    await disturb()


@asynccontextmanager
async def calling(access: Access, storyteller: Storyteller) -> AsyncIterator[ReplyListener]:
    """A call with an agent that is ready to be asked; raises CallError."""
    async with join(access) as client:
        await client.wait_for_agent()
        if not await client.reached(lambda: client.agent_state == LISTENING, timeout_s=BEGIN_S):
            raise CallError(f"the agent was not ready within {BEGIN_S:.0f} s")
        yield ReplyListener(client, storyteller)
