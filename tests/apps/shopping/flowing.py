"""Answers of the shopping engine, without a front."""

import time
import uuid

from apps.shopping.engine import ShoppingEngine
from apps.shopping.service import ShoppingService
from parley import Event, Media, Session, Turn
from parley.app.session import Channel


class NoLog:
    """Of a session whose log nobody reads."""

    entries = ()


async def at_once() -> None:
    """A turn that is one."""


def engine_of(
    service: ShoppingService, session_id: str, channel: Channel = "text"
) -> ShoppingEngine:
    return ShoppingEngine(Session(id=session_id, channel=channel, log=NoLog(), user="ann"), service)


async def answer_of(
    service: ShoppingService,
    session_id: str,
    text: str,
    *,
    channel: Channel = "text",
    media: tuple[Media, ...] = (),
) -> list[Event]:
    engine = engine_of(service, session_id, channel)
    turn = Turn(
        id=uuid.uuid4().hex,
        session=Session(id=session_id, channel=channel, log=NoLog(), user="ann"),
        text=text,
        committed=at_once,
        waiting_since_s=time.monotonic(),
        media=media,
    )
    return [event async for event in engine.respond(turn)]
