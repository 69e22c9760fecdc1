"""An experiment changes voice and model of a call that runs, and its end changes them back."""

from pathlib import Path
from typing import Any

from dialogue.experiments.experiment import ExperimentDraft
from dialogue.experiments.experiments import Experiments
from dialogue.experiments.sql import SqlExperiments
from parley import Agent
from testkit.fake_llm import FakeLlm
from tests.agent.test_framework_contract import END, FINAL, START, Talk, talk_with, until


def draft(config: dict[str, Any]) -> ExperimentDraft:
    """Whoever takes part is answered so."""
    variants = [
        {"name": kind, "type": kind, "traffic_percentage": 50, "config": config}
        for kind in ("control", "treatment")
    ]
    return ExperimentDraft.model_validate({"name": "Another voice", "variants": variants})


async def voice_of_an_answer(talk: Talk) -> str:
    opened = len(talk.voice.opened)
    talk.hears(START)
    talk.hears(FINAL, f"question {opened}")
    talk.hears(END)
    await until(lambda: len(talk.voice.opened) > opened)
    await until(lambda: talk.session.agent_state == "listening")
    return talk.voice.opened[-1].voice


async def test_the_very_next_answer_is_spoken_as_the_experiment_wants(tmp_path: Path) -> None:
    experiments = Experiments(SqlExperiments(tmp_path / "operations.db", timeout_s=30.0))
    made = await experiments.create(draft({"voice": "other", "model": "m1"}))
    llm = FakeLlm()
    async with talk_with(Agent(), llm, experiments=experiments) as talk:
        assert await voice_of_an_answer(talk) == "tone"
        assert llm.requests[-1]["model"] == "wire"
        await experiments.start(made.id)
        assert await voice_of_an_answer(talk) == "other"
        assert llm.requests[-1]["model"] == "m1"
        await experiments.stop(made.id)
        assert await voice_of_an_answer(talk) == "tone"
        assert llm.requests[-1]["model"] == "wire"
    await experiments.aclose()
