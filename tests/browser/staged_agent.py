"""An agent in the page's room that says and refuses what a test tells it to; LiveKit is real."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from livekit import api, rtc
from playwright.async_api import Page, Response, expect

from ops.supervisor.stack import Stack
from parley.room_events import SET_VOICE_METHOD, TOPIC, AnyEvent, encode

LONG_MS = 60_000


@dataclass
class StagedAgent:
    """`refuses`: what a change of voice is answered with; None: it is taken."""

    room: rtc.Room = field(default_factory=rtc.Room)
    refuses: rtc.RpcError | None = None
    voices: list[str] = field(default_factory=list)
    """Those that it was asked for."""

    async def tell(self, event: AnyEvent) -> None:
        await self.room.local_participant.publish_data(encode(event), reliable=True, topic=TOPIC)

    async def _change_voice(self, request: rtc.RpcInvocationData) -> str:
        self.voices.append(request.payload)
        if self.refuses is not None:
            raise self.refuses
        return request.payload

    async def join(self, stack: Stack, room: str) -> None:
        keys = stack.keys.for_clients()
        grants = api.VideoGrants(room_join=True, room=room, agent=True)
        token = (
            api.AccessToken(keys["LIVEKIT_API_KEY"], keys["LIVEKIT_API_SECRET"])
            .with_identity("agent-of-the-test")
            .with_kind("agent")
            .with_grants(grants)
        )
        await self.room.connect(stack.configuration.orchestrator.livekit.url, token.to_jwt())
        self.room.local_participant.register_rpc_method(SET_VOICE_METHOD, self._change_voice)
        await self.room.local_participant.set_attributes({"lk.agent.state": "listening"})


@asynccontextmanager
async def answered(stack: Stack, page: Page, button: str) -> AsyncIterator[StagedAgent]:
    """A call of the page, begun with the button, in which the agent is."""

    def is_granted(response: Response) -> bool:
        return response.url.endswith("/api/token") and response.ok

    async with page.expect_response(is_granted) as granted:
        await page.get_by_role("button", name=button).click()
    agent = StagedAgent()
    try:
        await agent.join(stack, (await (await granted.value).json())["room"])
        live = page.locator(".page[data-phase=live]")
        await expect(live).to_be_visible(timeout=LONG_MS)
        yield agent
    finally:
        await agent.room.disconnect()
