"""Turns whose end is judged by sound, words and silence together, in a real room."""

from collections.abc import Callable

import numpy as np
import pytest

from caller import measure
from caller.conversation import settled
from ops.supervisor.stack import Stack
from parley.audio import Audio
from testkit.fake_llm import FakeLlm, ScriptedAnswer, in_turn, last_user_text
from tests.agent.app_rooms import LONG_S, AppRooms, agent_words, start_apps
from tests.agent.test_room import spoken

pytestmark = [pytest.mark.servers, pytest.mark.e2e]

APP = """
from parley import Agent

agent = Agent(instructions="You answer.", greeting="")
"""
RATE_HZ = 48_000
PAUSE_S = 1.0


@pytest.fixture(scope="module")
def rooms(start_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory) -> AppRooms:
    folder = tmp_path_factory.mktemp("turns")
    (folder / "answers.py").write_text(APP)
    turn = {"end_of_turn": "judged"}
    return start_apps(start_stack, folder, {"answers": folder / "answers.py"}, turn=turn)


async def test_a_question_is_answered_and_a_sentence_that_is_open_is_waited_for(
    rooms: AppRooms,
) -> None:
    model = FakeLlm(in_turn(ScriptedAnswer(text="Certainly.")))
    question, first, second = [
        await _said(rooms.stack, text)
        for text in (
            "What is the capital of Australia?",
            "I was wondering whether you could",
            "book a table for Friday evening.",
        )
    ]
    pause = np.zeros(round(PAUSE_S * RATE_HZ), np.int16)
    whole = Audio(np.concatenate([first.samples, pause, second.samples]), RATE_HZ)
    async with rooms.call(model, app="answers") as client:
        for said, word in ((question, "australia"), (whole, "friday")):
            began_s = client.clock()
            spoken_until_s = client.microphone.time_of(await client.speak(said)) + said.duration_s

            def is_answered(
                word: str = word, since_s: float = began_s, until_s: float = spoken_until_s
            ) -> bool:
                asked = word in last_user_text(model.messages).lower() if model.requests else False
                answered = "Certainly" in agent_words(client, since_s=since_s)
                return asked and answered and client.clock() > until_s and settled(client)

            assert await client.reached(is_answered, timeout_s=LONG_S), model.requests
            early = client.transcripts.said_by(
                client.agent_identity, since_s=began_s, until_s=spoken_until_s
            )
            assert not early, "the agent spoke into it"
        assert "wondering" in last_user_text(model.messages).lower(), "one turn, not its end alone"


async def _said(stack: Stack, text: str) -> Audio:
    audio = await spoken(stack, text)
    start = measure.speech_start(audio.samples, audio.sample_rate_hz)
    end = measure.speech_end(audio.samples, audio.sample_rate_hz)
    return Audio(audio.samples[start:end], audio.sample_rate_hz).resampled(RATE_HZ)
