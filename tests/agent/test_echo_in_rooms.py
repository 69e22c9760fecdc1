"""A caller on a loudspeaker that nobody cancels: the agent hears all that it says."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from caller.access import request_access
from caller.client import RoomClient, join
from caller.loudspeaker import Loudspeaker
from caller.microphone import SAMPLE_RATE_HZ
from ops.supervisor.parts import PART_NAMES
from ops.supervisor.stack import Stack
from parley.room_events import InterruptedEvent, TurnEvent
from testkit.fake_llm import FakeLlm, llm_serving
from testkit.isolated_config import free_ports, write_config
from tests.agent.test_interruption import floors, passes, told

pytestmark = [pytest.mark.servers, pytest.mark.e2e]

GREETING = "Hi, this is the bicycle shop. What can I do for you today?"
ANSWERS = (
    "A new chain is twenty pounds, and it takes us about an hour to put it on.",
    "Certainly. We open at nine in the morning, and on Saturdays a little later than that.",
)
CALL_S = 35.0
LONG_S = 60.0


def words_of(client: RoomClient) -> str:
    return client.transcripts.said_by(client.agent_identity, since_s=0)


@pytest.mark.parametrize(("gain_db", "delay_s"), [(-12.0, 0.05), (-24.0, 0.3)])
async def test_an_agent_that_hears_itself_does_not_answer_itself(
    gain_db: float, delay_s: float, start_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    configuration = write_config(
        tmp_path / "configs",
        orchestrator={
            "agent": {"greeting": GREETING},
            "llm": {"base_url": f"http://127.0.0.1:{port}/v1", "api_key": "k", "model": "wire"},
        },
    )
    parts = [part for part in PART_NAMES if part != "llm"]
    stack = start_stack(*parts, configuration=configuration)
    gateway = f"http://127.0.0.1:{stack.configuration.orchestrator.server.port}"
    model = FakeLlm()
    loudspeaker = Loudspeaker(gain_db=gain_db, delay_s=delay_s, sample_rate_hz=SAMPLE_RATE_HZ)
    async with AsyncExitStack() as running:
        await running.enter_async_context(llm_serving(model, port=port))
        access = await request_access(gateway)
        client = await running.enter_async_context(join(access, loudspeaker=loudspeaker))
        await client.wait_for_agent()
        began_s = client.clock()
        assert await client.reached(lambda: GREETING in words_of(client), timeout_s=LONG_S)
        for number, answer in enumerate(ANSWERS, 1):
            await passes(client, 4.0)  # words of an echo come late
            assert model.requests == [] or number > 1
            model.always(answer)
            await client.type("Please tell me more.")
            said = lambda answer=answer: answer in words_of(client)  # noqa: E731
            assert await client.reached(said, timeout_s=LONG_S)
        await passes(client, max(4.0, CALL_S - (client.clock() - began_s)))
        assert "yielded" not in floors(client)
        assert not told(client, InterruptedEvent)
        assert len(told(client, TurnEvent)) <= len(ANSWERS)
        assert len(model.requests) == len(ANSWERS)
