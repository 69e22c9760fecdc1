"""A language model that answers at once, on a port of the engine's network: `python -m` it PORT.

Where four people talk at once on two cores, the local model would be all that is measured.
"""

import sys

from aiohttp import web

from testkit.openai_server import event, no_choices, streamed

MODEL = "quick"
ANSWER = "That is interesting to hear. I would like to know more of it, so please go on."


async def _complete(request: web.Request) -> web.StreamResponse:
    if not (await request.json()).get("stream"):
        return no_choices()

    async def tell(response: web.StreamResponse) -> None:
        for place, word in enumerate(ANSWER.split()):
            await response.write(event(f" {word}" if place else word, model=MODEL))

    return await streamed(request, tell)


async def _models(_: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model"}]})


def main(arguments: list[str]) -> int:
    (port,) = arguments
    app = web.Application()
    app.router.add_post("/v1/chat/completions", _complete)
    app.router.add_get("/v1/models", _models)
    web.run_app(app, host="0.0.0.0", port=int(port), print=None)  # noqa: S104 - its own network
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
