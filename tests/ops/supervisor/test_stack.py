"""The stack that tests and benchmarks share."""

import asyncio
from urllib.request import urlopen

import pytest
from livekit import api

from ops.supervisor.stack import Stack


@pytest.mark.servers
def test_the_livekit_server_answers_and_takes_the_keys_that_were_made(livekit: Stack) -> None:
    configuration = livekit.configuration
    url = configuration.orchestrator.livekit.url
    assert urlopen(url.replace("ws://", "http://"), timeout=5).status == 200

    async def rooms() -> int:
        keys = livekit.keys
        async with api.LiveKitAPI(url, keys.api_key, keys.api_secret) as client:
            return len((await client.room.list_rooms(api.ListRoomsRequest())).rooms)

    assert asyncio.run(rooms()) == 0
