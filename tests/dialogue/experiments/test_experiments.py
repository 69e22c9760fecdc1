"""Experiments over their stores, and the engine that answers as they want."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dialogue.experiments.experiment import (
    ExperimentDraft,
    ExperimentError,
    ExperimentNotFoundError,
    ExperimentStateError,
    variant_of,
)
from dialogue.experiments.experiments import Experiments
from dialogue.experiments.mongodb import MongoExperiments
from dialogue.experiments.sql import SqlExperiments
from dialogue.experiments.store import ExperimentStore
from parley import Agent
from testkit.fake_llm import FakeLlm
from tests.dialogue.conversing import INSTRUCTIONS, ask, conversing
from tests.dialogue.experiments.test_experiment import draft

DRAFT = ExperimentDraft.model_validate(draft())
PATIENT_S = 30.0


class TurnedClock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers), "mongodb"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "mongodb":
        if not (url := os.environ.get("MONGODB_URL", "")):
            pytest.skip("MONGODB_URL names no server")
        return url
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'operations.db'}"


@pytest.fixture
async def store(place: str) -> AsyncIterator[ExperimentStore]:
    if place.startswith("mongodb"):
        opened: ExperimentStore = MongoExperiments(
            place, f"parley_test_{uuid.uuid4().hex}", timeout_s=PATIENT_S
        )
    else:
        opened = SqlExperiments(place, timeout_s=PATIENT_S)
    yield opened
    await opened.aclose()


@pytest.fixture
def experiments(store: ExperimentStore) -> Experiments:
    return Experiments(store)


@pytest.fixture
async def on_sqlite(tmp_path: Path) -> AsyncIterator[Experiments]:
    clock = TurnedClock()
    opened = Experiments(
        SqlExperiments(tmp_path / "operations.db", timeout_s=PATIENT_S), clock=clock
    )
    yield opened
    await opened.aclose()


async def test_a_draft_is_started_once_and_stopped_once(experiments: Experiments) -> None:
    made = await experiments.create(DRAFT)
    assert (made.status, await experiments.get(made.id)) == ("draft", made)
    with pytest.raises(ExperimentStateError, match="is draft"):
        await experiments.stop(made.id)
    started = await asyncio.gather(
        *(experiments.start(made.id) for _ in range(8)), return_exceptions=True
    )
    assert sum(not isinstance(each, BaseException) for each in started) == 1
    assert all(isinstance(e, ExperimentStateError) for e in started if isinstance(e, BaseException))
    stopped = await experiments.stop(made.id)
    assert (stopped.status, stopped.winner) == ("stopped", None)
    assert [each.status for each in await experiments.list()] == ["stopped"]
    with pytest.raises(ExperimentNotFoundError):
        await experiments.get("no-such")


async def test_exposures_and_conversions_count_once(
    experiments: Experiments, store: ExperimentStore
) -> None:
    made = await experiments.create(DRAFT)
    assert not (await experiments.assignment(made.id, "ada")).assigned, "it has not begun"
    await experiments.start(made.id)
    assert not await experiments.convert(made.id, "ada"), "they were not shown anything"
    another = Experiments(store)  # another process
    for _ in range(3):
        one = await experiments.assignment(made.id, "ada")
        assert one == await another.assignment(made.id, "ada")
    variant = variant_of(made, "ada")
    assert variant is not None and one.assigned
    assert (one.variant_name, one.variant_config) == (variant.name, variant.config.as_config())
    counted = await asyncio.gather(*(experiments.convert(made.id, "ada", 2.5) for _ in range(6)))
    assert sum(counted) == 1
    (tally,) = (await store.tallies(made.id)).values()
    assert (tally.exposed, tally.converted) == (1, 1)
    assert (tally.total, tally.total_squares) == (2.5, 6.25)
    await experiments.assignment(made.id, "bob")
    assert (await experiments.summary()).exposed == 2
    await experiments.stop(made.id)
    assert not (await experiments.assignment(made.id, "ada")).assigned
    assert not await experiments.convert(made.id, "bob")
    summary = await experiments.summary()
    assert (summary.total, summary.stopped, summary.converted) == (1, 1, 1)


async def test_a_session_answers_as_its_variant_wants_until_the_experiment_is_stopped(
    on_sqlite: Experiments,
) -> None:
    both = [
        {"name": name, "type": kind, "traffic_percentage": 50,
         "config": {"model": name, "temperature": 0.25, "instructions": "Rhyme."}}
        for name, kind in (("m1", "control"), ("m2", "treatment"))
    ]  # fmt: skip
    made = await on_sqlite.create(ExperimentDraft.model_validate(draft(variants=both)))
    clock = on_sqlite._clock
    assert isinstance(clock, TurnedClock)
    llm = FakeLlm()
    async with conversing(llm, Agent(), overrides=on_sqlite.overrides_for) as conversation:
        base = conversation.agent
        await ask(conversation, "Hello.")
        assert (llm.requests[-1]["model"], llm.messages[0]["content"]) == ("fake", INSTRUCTIONS)

        await on_sqlite.start(made.id)
        await ask(conversation, "Hello.")
        expected = variant_of(made, conversation.session.id)
        assert expected is not None
        assert llm.requests[-1]["model"] == expected.name
        assert llm.requests[-1]["temperature"] == 0.25
        assert llm.messages[0]["content"] == "Rhyme."
        assert conversation.agent is not base and conversation.agent is conversation.agent

        await on_sqlite.stop(made.id)
        await ask(conversation, "Hello.")
        assert (llm.requests[-1]["model"], llm.messages[0]["content"]) == ("fake", INSTRUCTIONS)
        assert conversation.agent is base
    assert (await on_sqlite.summary()).exposed == 1


async def test_a_store_that_is_away_holds_up_no_answer(tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    experiments = Experiments(SqlExperiments(blocked / "operations.db"))
    with pytest.raises(ExperimentError):
        await experiments.list()
    assert (await experiments.overrides_for("ada")).is_empty
    async with conversing(FakeLlm(), Agent(), overrides=experiments.overrides_for) as conversation:
        assert conversation.agent.model is None
