"""What a session tells of its request while it is being answered."""

import asyncio

from aiohttp import web

from apps.shopping.service import ShoppingService
from apps.shopping.settings import ShoppingSettings
from tests.apps.shopping.flowing import answer_of

WITHIN_S = 60.0


async def test_while_a_catalogue_is_asked_the_session_says_that_it_searches() -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    async def search(_: web.Request) -> web.Response:
        asked.set()
        await answered.wait()
        return web.json_response({"products": []})

    app = web.Application()
    app.add_routes([web.post("/search", search)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    settings = ShoppingSettings(catalog_service_url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    service = ShoppingService(lambda: settings)
    async with service.running(), asyncio.timeout(WITHIN_S):
        answer = asyncio.create_task(answer_of(service, "stage1", "a blender under 80 dollars"))
        await asked.wait()
        state = await service.session_state("stage1")
        assert state["status"] == "processing"
        workflow = state["workflow_state"]
        assert isinstance(workflow, dict) and workflow["stage"] == "SEARCHING"
        spec = workflow["requirement_spec"]
        assert isinstance(spec, dict) and spec["category"] == "blender"
        answered.set()
        await answer
        done = (await service.session_state("stage1"))["workflow_state"]
        assert isinstance(done, dict) and done["stage"] == "COMPLETED"
    await runner.cleanup()
