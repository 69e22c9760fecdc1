"""Chats at the gateway: with any agent, beside the page of calls."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from tests.gateway.test_connections import gateway

WITHIN_S = 60.0


async def received(chat: ClientConnection) -> Any:
    async with asyncio.timeout(WITHIN_S):
        return json.loads(await chat.recv())


async def test_the_usual_agent_can_be_chatted_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path))
    (tmp_path / "index.html").write_text("built")
    (tmp_path / "chat.html").write_text("the chat page")
    async with gateway(tmp_path) as served, httpx.AsyncClient() as http:
        base = f"127.0.0.1:{served.port}"
        assert (await http.get(f"http://{base}/chat")).text == "the chat page"
        async with connect(f"ws://{base}/ws/chat?user_id=ann", open_timeout=WITHIN_S) as chat:
            connected = await received(chat)
            assert connected["type"] == "connected" and connected["data"]["message"]
            session = connected["data"]["session_id"]
            # There is no model here: that is told, with whether to try again.
            await chat.send(json.dumps({"type": "message", "message": "Hello."}))
            frame = await received(chat)
            while frame["type"] == "progress":
                frame = await received(chat)
            assert frame["type"] == "error" and frame["data"]["code"].startswith("model_")
            assert frame["data"]["retryable"] is True and frame["data"]["message"]
        own = await http.get(f"http://{base}/api/v1/sessions/{session}", params={"user_id": "ann"})
        assert own.status_code == 200 and own.json()["request"] == {}
        refused = await http.post(f"http://{base}/api/v1/media", content=b"x")
        assert refused.json()["error"]["code"] == "no_media"
        with pytest.raises(InvalidStatus):
            async with connect(f"ws://{base}/", open_timeout=WITHIN_S):
                pass


async def test_a_larger_body_is_taken_for_uploads_alone() -> None:
    async with gateway() as served, httpx.AsyncClient() as http:
        base = f"http://127.0.0.1:{served.port}"
        assert (await http.post(f"{base}/api/token", content=b"x" * 20_000)).status_code == 413
        assert (await http.post(f"{base}/api/v1/media", content=b"x" * 20_000)).status_code == 404
