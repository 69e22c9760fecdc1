"""LiveKit's playground in a real room: its panels are answered, and may only look."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest
from livekit import rtc
from livekit.agents.voice import RemoteSession
from livekit.protocol.agent_pb import agent_session as messages

from agent.room.panels import REFUSAL
from caller.access import request_access
from testkit.fake_llm import FakeLlm
from tests.agent.app_rooms import LONG_S
from tests.agent.conftest import ServedApps

pytestmark = [pytest.mark.servers, pytest.mark.e2e]


class Playground:
    """A room as LiveKit's playground enters it, and what its panels were told."""

    def __init__(self, room: rtc.Room, remote: RemoteSession) -> None:
        self.room = room
        self.remote = remote
        self.said: list[str] = []
        self._changed = asyncio.Event()
        remote.on("conversation_item_added", self._on_item)

    def _on_item(self, event: messages.AgentSessionEvent) -> None:
        message = event.conversation_item_added.item.message
        self.said += [part.text for part in message.content]
        self._changed.set()

    async def told(self, condition: Callable[[], bool]) -> None:
        """Returns once the panels were told so; raises TimeoutError."""
        async with asyncio.timeout(LONG_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def playground(apps: ServedApps, app: str) -> AsyncGenerator[Playground]:
    gateway = f"http://127.0.0.1:{apps.rooms.stack.configuration.orchestrator.server.port}"
    access = await request_access(gateway, app=app)
    room = rtc.Room()
    came = asyncio.Event()

    def look(*_: object) -> None:
        if any(who.attributes.get("lk.agent.state") for who in room.remote_participants.values()):
            came.set()

    room.on("participant_connected", look)
    room.on("participant_attributes_changed", look)
    await room.connect(access.url, access.token)
    try:
        look()
        await asyncio.wait_for(came.wait(), LONG_S)
        (agent,) = room.remote_participants.values()
        remote = RemoteSession.from_room(room, agent.identity)
        await remote.start()
        try:
            await remote.wait_for_ready(timeout=LONG_S)
            yield Playground(room, remote)
        finally:
            await remote.aclose()
    finally:
        await room.disconnect()


async def test_the_playgrounds_panels_are_answered_and_may_only_look(
    served_apps: ServedApps,
) -> None:
    model = FakeLlm()
    model.always("We close at six.")
    async with (
        served_apps.rooms.answering(model),
        playground(served_apps, "shop") as page,
    ):
        framework = await page.remote.get_framework_info()
        state = await page.remote.get_session_state()
        info = await page.remote.get_agent_info()
        assert framework.sdk == "python"
        assert state.options["use_tts_aligned_transcript"] == "True"
        assert info.instructions == ""  # the operator's own stay with the engine
        await page.room.local_participant.send_text("When do you close?", topic="lk.chat")
        await page.told(lambda: "When do you close?" in page.said)
        await page.told(lambda: any("close at six" in text for text in page.said))
        history = await page.remote.get_chat_history()
        assert len(history.items) >= 2
        with pytest.raises(RuntimeError, match=REFUSAL.split(",")[0]):
            await page.remote.run("Do something else.")
        with pytest.raises(RuntimeError, match=REFUSAL.split(",")[0]):
            await page.remote.update_io(input_audio_enabled=False)
    assert "Do something else" not in str(model.requests)
