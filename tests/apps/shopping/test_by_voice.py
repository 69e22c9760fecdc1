"""The voice form: a filler after a wait, three products that are spoken, the list on the page."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from aiohttp import web

from apps.shopping.composing import SPOKEN
from apps.shopping.faults import ShoppingError
from apps.shopping.media.colors import colors_of
from apps.shopping.media.keeping import MediaFolder
from apps.shopping.media.reading import MediaReader
from apps.shopping.service import ShoppingService
from apps.shopping.settings import ShoppingSettings
from apps.shopping.speaking import FILLER_AFTER_S, bridged
from parley import (
    Clarification,
    Event,
    Filler,
    Media,
    MediaRefusedError,
    Progress,
    Results,
    TextDelta,
)
from tests.apps.shopping.flowing import answer_of
from tests.apps.shopping.pictures import endless_picture, endless_silence, picture, recording


async def test_three_are_spoken_and_the_list_goes_to_the_page(shop_state: Path) -> None:
    service = ShoppingService(ShoppingSettings)
    async with service.running():
        events = await answer_of(service, "v1", "a laptop under nine hundred", channel="voice")
        asked = await answer_of(service, "v2", "running shoes", channel="voice")
    (results,) = [event for event in events if isinstance(event, Results)]
    assert len(results.items) > SPOKEN
    said = "".join(event.text for event in events if isinstance(event, TextDelta))
    for item in results.items[:SPOKEN]:
        assert str(item["title"]).split(",")[0] in said
    assert str(results.items[SPOKEN]["title"]).split(",")[0] not in said
    assert "on your page" in said
    (question,) = [event for event in asked if isinstance(event, Clarification)]
    assert question.question in "".join(e.text for e in asked if isinstance(e, TextDelta))


async def slow(gate: asyncio.Event) -> AsyncGenerator[Event]:
    yield Progress("Searching.", step="searching")
    await gate.wait()
    yield TextDelta("Found.")


async def test_a_wait_is_bridged_once_by_what_is_being_done() -> None:
    gate, told = asyncio.Event(), []
    # The person has waited for long already: the filler is due at once.
    async for event in bridged(slow(gate), waiting_since_s=0.0, clock=lambda: FILLER_AFTER_S + 1):
        told.append(event)
        if isinstance(event, Filler):
            gate.set()
    assert Filler("Searching.") in told and told[-1] == TextDelta("Found.")
    assert sum(isinstance(event, Filler) for event in told) == 1


async def test_no_filler_where_the_answer_comes_in_time() -> None:
    gate = asyncio.Event()
    gate.set()
    told = [event async for event in bridged(slow(gate), waiting_since_s=0, clock=lambda: -1e6)]
    assert not any(isinstance(event, Filler) for event in told)


@pytest.mark.parametrize(
    "color", ["red", "blue", "green", "black", "yellow", "orange", "purple", "gray", "pink"]
)
def test_the_color_of_a_plain_object_is_seen(color: str) -> None:
    assert colors_of(picture(color))[0] == color


async def test_a_media_service_reads_recordings_and_pictures(tmp_path: Path) -> None:
    got: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        got.append((request.path, request.content_type, len(await request.read())))
        seen = {"colors": ["teal"], "category": "jacket"}
        return web.json_response({"text": "hello"} if "transcribe" in request.path else seen)

    app = web.Application()
    app.add_routes([web.post("/transcribe", answer), web.post("/extract-image-attributes", answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    folder = MediaFolder(tmp_path)
    image = await folder.put(picture("red"), "image/png")
    audio = await folder.put(recording(), "audio/wav")
    async with httpx2.AsyncClient() as http:
        reader = MediaReader(folder, http, url)
        assert await reader.attributes(image) == {"colors": ["teal"], "category": "jacket"}
        assert await reader.transcript(audio) == "hello"
        with pytest.raises(ShoppingError, match="sent as audio"):
            await reader.transcript(image)
    await runner.cleanup()
    assert [each[:2] for each in got] == [
        ("/extract-image-attributes", "image/png"),
        ("/transcribe", "audio/wav"),
    ]


async def test_what_people_send_is_read_by_its_owner_alone(tmp_path: Path) -> None:
    key = await MediaFolder(tmp_path / "media").put(recording(), "audio/wav")
    assert (tmp_path / "media" / key).parent.stat().st_mode & 0o077 == 0


async def test_what_is_no_media_is_refused(shop_state: Path) -> None:
    service = ShoppingService(ShoppingSettings)
    async with service.running():
        for data in (
            b"",
            b"GIF89a",
            b"RIFF0000WAVE",
            b"<svg/>",
            b"\xff\xd8\xff" + b"0" * 9_000_000,
            endless_picture(),
            endless_silence(),
        ):
            with pytest.raises(MediaRefusedError):
                await service.take_media(data)
        assert await service.take_media(recording()) is not None
        events = await answer_of(service, "m1", "", media=(Media("audio", "uploads/none0000"),))
    assert any(getattr(event, "code", "") == "validation_error" for event in events)
