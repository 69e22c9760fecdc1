"""Processes that answer a turn each and count the nodes that work in it; each may be told to kill
itself as a node begins: `python counted_flow.py COUNTS SESSION TURNS`.

TURNS is a JSON list of {"kill_at", "text", "media"}. On standard output is a JSON list: what each
process told, or null where it was killed. They are forked, so that LangGraph is imported once."""

import asyncio
import json
import os
import signal
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apps.shopping import agent
from apps.shopping.engine import ShoppingEngine
from apps.shopping.service import ShoppingService
from parley import Clarification, Error, Event, Media, Results, Session, Turn


class EmptyLog:
    """Of a session whose log nobody reads."""

    entries = ()


async def committed() -> None:
    """At once."""


async def answer(counts: Path, session_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What one process tells."""
    kill_at = given.get("kill_at", "")

    def on_node(name: str) -> None:
        if name == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        with counts.open("a") as lines:
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
            text=given["text"],
            committed=committed,
            waiting_since_s=time.monotonic(),
            media=tuple(Media(**each) for each in given.get("media", ())),
        )
        told = [_told(event) async for event in engine.respond(turn)]
        state = await service.session_state(session_id)
    return {"unfinished": unfinished, "told": told, "status": state["status"]}


def in_child(counts: Path, session_id: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """The same, in a process of its own; None: it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        told = json.dumps(asyncio.run(answer(counts, session_id, given)))
        os.write(writing, told.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    found: dict[str, Any] = json.loads(told)
    return found


def _told(event: Event) -> str:
    match event:
        case Clarification(question):
            return f"asks: {question}"
        case Results(items):
            return f"results: {len(items)}"
        case Error(code):
            return f"error: {code}"
    return type(event).__name__


if __name__ == "__main__":
    place, session, turns = sys.argv[1:]
    print(json.dumps([in_child(Path(place), session, each) for each in json.loads(turns)]))
