"""A client that leaves a stream of server-sent events: the answer ends, and nothing is lost."""

import asyncio
from pathlib import Path

import httpx

from testkit.fake_llm import FakeLlm, ScriptedAnswer, ScriptedToolCall, by_text
from tests.gateway.orchestrate.test_voice import orchestrating

APP = '''
import asyncio
from pathlib import Path
from parley import Agent, tool

HERE = Path(__file__).parent

@tool(must_finish=True)
async def order(what: str) -> str:
    """Orders something. what: the thing"""
    (HERE / "begun").touch()
    while not (HERE / "may_end").exists():
        await asyncio.sleep(0.01)
    return "ordered " + what

agent = Agent(instructions="You are a shop.", tools=[order], greeting="")
'''


async def test_what_must_finish_is_finished_and_remembered_when_the_client_leaves(
    tmp_path: Path,
) -> None:
    app = tmp_path / "shop_app.py"
    app.write_text(APP)
    call = ScriptedToolCall("order", {"what": "tea"})
    llm = FakeLlm(by_text({"tea": ScriptedAnswer(calls=(call,))}))
    body = {"session_id": "s1", "message": "tea"}
    stream = {"Accept": "text/event-stream"}
    async with (
        orchestrating(llm, str(tmp_path), app=str(app)) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as http,
        asyncio.timeout(60),
    ):
        async with http.stream("POST", "/orchestrate", json=body, headers=stream):
            while not (tmp_path / "begun").exists():  # noqa: ASYNC110 - a file tells
                await asyncio.sleep(0.01)
        llm.always("It is on its way.")
        body["message"] = "And?"
        assert (await http.post("/orchestrate", json=body)).status_code == 409, "it is being ended"
        (tmp_path / "may_end").touch()
        while (again := await http.post("/orchestrate", json=body)).is_error:
            assert again.status_code == 409
    assert "ordered tea" in [message.get("content") for message in llm.messages]
