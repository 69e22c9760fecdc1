"""A process that answers one turn and counts the nodes that work in it; it may be told to kill
itself as a node begins: `python counted_flow.py COUNTS SESSION KILL_AT TEXT [MEDIA]`."""

import asyncio
import json
import os
import signal
import sys
import time
import uuid
from pathlib import Path

from apps.shopping import agent
from apps.shopping.engine import ShoppingEngine
from apps.shopping.service import ShoppingService
from parley import Clarification, Error, Event, Media, Results, Session, Turn


class EmptyLog:
    """Of a session whose log nobody reads."""

    entries = ()


async def committed() -> None:
    """At once."""


async def main() -> None:
    counts, session_id, kill_at, text, media = sys.argv[1:]
    file = Path(counts)

    def on_node(name: str) -> None:
        if name == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        with file.open("a") as lines:
            lines.write(f"{name}\n")

    service = ShoppingService()
    session = Session(id=session_id, channel="text", log=EmptyLog(), user="ann")
    assert agent.engine is not None
    async with service.running():
        engine = ShoppingEngine(session, service, on_node=on_node)
        unfinished = await engine.has_unfinished()
        turn = Turn(
            id=uuid.uuid4().hex,
            session=session,
            text=text,
            committed=committed,
            waiting_since_s=time.monotonic(),
            media=tuple(Media(**each) for each in json.loads(media)),
        )
        told = [_told(event) async for event in engine.respond(turn)]
        state = await service.session_state(session_id)
    print(json.dumps({"unfinished": unfinished, "told": told, "status": state["status"]}))


def _told(event: Event) -> str:
    match event:
        case Clarification(question):
            return f"asks: {question}"
        case Results(items):
            return f"results: {len(items)}"
        case Error(code):
            return f"error: {code}"
    return type(event).__name__


asyncio.run(main())
