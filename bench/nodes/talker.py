"""A caller of the cluster: asks for the story again and again, and keeps what it heard of each."""

import asyncio
from dataclasses import dataclass, field

from bench.nodes.cluster import STORY, Cluster
from caller.client import RoomClient, join
from caller.errors import CallError
from caller.gaps import breaks

LISTENING = "listening"
QUESTION = "Please tell me the story."
READY_S, BEGIN_S, END_S, SETTLED_S = 30.0, 30.0, 90.0, 1.0
LEAST_S = 6.0
"""The whole story takes some twelve seconds; less was broken off."""


@dataclass(frozen=True)
class HeardStory:
    """`asked_s` is of the event loop's clock; `broken`: how often it broke off as no voice does."""

    asked_s: float
    waited_s: float
    sounded_s: float
    broken: int


@dataclass
class Talker:
    """One call. `lost`: how it broke off; empty: it did not. `by_words`: a story has ended when its
    last word was said, whatever the agent's state."""

    room: str = ""
    stories: list[HeardStory] = field(default_factory=list)
    lost: str = ""
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    client: RoomClient | None = None
    by_words: bool = False

    async def talk(self, cluster: Cluster, *, agent_may_be_replaced: bool = False) -> None:
        """Until `hung_up`, a story in progress is heard out."""
        try:
            access = await cluster.access()
            self.room = access.room
            async with join(access, agent_may_be_replaced=agent_may_be_replaced) as client:
                self.client = client
                await client.wait_for_agent()
                if not await client.reached(
                    lambda: client.agent_state == LISTENING, timeout_s=READY_S
                ):
                    raise CallError(f"the agent was not ready within {READY_S:.0f} s")
                while not self.hung_up.is_set():
                    self.stories.append(await self.hear(client))
        except CallError as error:
            self.lost = str(error)

    async def hear(self, client: RoomClient) -> HeardStory:
        """Asks for one story; raises CallError where it does not come, or does not end."""
        asked_s = client.clock()
        await client.type(QUESTION)
        if not await client.reached(lambda: not client.ear.quiet_since(asked_s), timeout_s=BEGIN_S):
            raise CallError(f"nothing was heard for {BEGIN_S:.0f} s")
        began_s = client.clock()

        def settled() -> bool:
            if not client.ear.quiet_since(client.clock() - SETTLED_S):
                return False
            if not self.by_words:
                return client.agent_state == LISTENING
            said = client.transcripts.said_by(client.agent_identity, since_s=asked_s)
            return said.endswith(STORY.split()[-1])

        if not await client.reached(settled, timeout_s=END_S):
            raise CallError(f"the story did not end within {END_S:.0f} s")
        audio = client.ear.between(began_s, client.clock())
        broken = len(breaks(audio.samples, audio.sample_rate_hz))
        return HeardStory(asked_s, began_s - asked_s, client.clock() - began_s - SETTLED_S, broken)
