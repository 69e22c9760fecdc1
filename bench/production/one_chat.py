"""One chat with the shopping assistant: `python -m bench.production.one_chat URL USER SESSION`.

Prints what it came to, as JSON; ends with status 1 where no products were found.
"""

import asyncio
import json
import sys
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

WITHIN_S = 180.0
WISH = "I need a laptop under $1000"
ANSWER = "Any brand, for work."
"""To whatever is asked back: at most two questions are."""


async def _chat(url: str, user: str, session: str) -> dict[str, Any]:
    query = urlencode({"user_id": user, "session_id": session})
    async with asyncio.timeout(WITHIN_S), connect(f"{url}?{query}") as socket:
        answers = [ANSWER, ANSWER, WISH]
        found: dict[str, Any] = {}
        while True:
            frame = json.loads(await socket.recv())
            match frame["type"]:
                case "connected" | "clarification":
                    said = answers.pop()
                    await socket.send(json.dumps({"type": "message", "message": said}))
                case "results":
                    found = frame["data"]
                case "done":
                    return {"products": found["products"], "said": frame["data"]["message"]}
                case "error":
                    raise ValueError(frame["data"]["message"])


def main(arguments: list[str]) -> int:
    try:
        came_to = asyncio.run(_chat(*arguments))
    except (OSError, ValueError, LookupError, WebSocketException) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(came_to))
    return 0 if came_to["products"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
