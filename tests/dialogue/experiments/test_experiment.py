"""What an experiment may be, and who is in which variant."""

import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError

from dialogue.experiments.experiment import (
    Experiment,
    ExperimentDraft,
    ExperimentStatus,
    Variant,
    variant_of,
)
from dialogue.experiments.overrides import EngineOverrides, joined
from parley import Agent, TurnThresholds, paths


def draft(**changes: Any) -> dict[str, Any]:
    """As a client sends it."""
    variants = [
        {"name": "plain", "type": "control", "traffic_percentage": 50, "config": {}},
        {"name": "warm", "type": "treatment", "traffic_percentage": 50,
         "config": {"temperature": 0.9}},
    ]  # fmt: skip
    return {"name": "Warmth", "hypothesis": "warmer is better", "metric": "came back",
            "variants": variants, **changes}  # fmt: skip


def running(experiment_id: str = "e1", **changes: Any) -> Experiment:
    return Experiment(
        id=experiment_id,
        draft=ExperimentDraft.model_validate(draft(**changes)),
        status=ExperimentStatus.RUNNING,
        created_at_s=1.0,
    )


def variant(name: str, kind: str, share: float) -> dict[str, Any]:
    return {"name": name, "type": kind, "traffic_percentage": share}


@pytest.mark.parametrize(
    ("variants", "problem"),
    [
        ({"plain": {"traffic_percentage": 50}}, "a list of"),
        ([variant("a", "control", 60), variant("b", "treatment", 60)], "add up to 120"),
        ([variant("a", "control", 50), variant("b", "control", 50)], "not 2"),
        ([variant("a", "treatment", 50), variant("b", "treatment", 50)], "not 0"),
        ([variant("a", "control", 50), variant("a", "treatment", 50)], "'a' twice"),
        ([variant("a", "control", 100)], "at least two"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_what_is_wrong(
    variants: object, problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        ExperimentDraft.model_validate(draft(variants=variants))


@pytest.mark.parametrize(
    "config", [{"temperature": 3}, {"temperature": "hot"}, {"turn": {"duck": 1}}, {"model": ""}]
)
def test_a_configuration_that_the_engine_cannot_use_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Variant(name="a", type="control", traffic_percentage=50, config=config)


def test_shares_are_as_planned_and_a_user_keeps_their_variant() -> None:
    experiment = running(
        variants=[variant("a", "control", 20), variant("b", "treatment", 30),
                  variant("c", "treatment", 50)]
    )  # fmt: skip
    users = [f"user-{number}" for number in range(20_000)]
    first = [variant_of(experiment, user) for user in users]
    shares = Counter(each.name for each in first if each is not None)
    for name, share in (("a", 0.2), ("b", 0.3), ("c", 0.5)):
        assert shares[name] / len(users) == pytest.approx(share, abs=0.015)
    assert [variant_of(experiment, user) for user in users] == first


def test_more_users_leave_those_who_take_part_where_they_were() -> None:
    few, many = running(user_percentage=10), running(user_percentage=60)
    users = [f"user-{number}" for number in range(5_000)]
    before = {user: each.name for user in users if (each := variant_of(few, user)) is not None}
    assert 350 < len(before) < 650
    after = {user: each.name for user in users if (each := variant_of(many, user)) is not None}
    assert before.items() <= after.items()
    assert len(after) > 4 * len(before)


def test_two_experiments_share_their_users_out_independently() -> None:
    one, other = running("e1"), running("e2")
    users = [f"user-{number}" for number in range(4_000)]
    both = Counter(
        (a.name, b.name)
        for user in users
        if (a := variant_of(one, user)) and (b := variant_of(other, user))
    )
    assert all(900 < count < 1100 for count in both.values()) and len(both) == 4


def test_another_process_gives_the_same_variants() -> None:
    code = (
        "from tests.dialogue.experiments.test_experiment import *\n"
        "print(*(variant_of(running(), f'user-{n}').name for n in range(50)))"
    )
    there = subprocess.run(
        [sys.executable, "-c", code],
        cwd=paths.repository(), capture_output=True, text=True, check=True,
        env={"PYTHONHASHSEED": "7"},
    ).stdout.split()  # fmt: skip
    here = [variant_of(running(), f"user-{number}") for number in range(50)]
    assert there == [each.name for each in here if each is not None]


def test_overrides_change_the_agent_and_leave_the_rest() -> None:
    agent = Agent(
        instructions="Be brief.",
        voice="amy",
        thresholds=TurnThresholds(near_db=9.0, duck_after_s=1),
    )
    overrides = EngineOverrides.model_validate(
        {"model": "m2", "temperature": 0, "turn": {"duck_after_s": 0.1}, "theme": "dark"}
    )
    changed = overrides.applied_to(agent)
    assert (changed.model, changed.temperature) == ("m2", 0)
    assert (changed.instructions, changed.voice) == ("Be brief.", "amy")
    assert changed.thresholds == TurnThresholds(near_db=9.0, duck_after_s=0.1)
    assert overrides.as_config()["theme"] == "dark", "the application's own keys are handed back"
    assert EngineOverrides.model_validate({"theme": "dark"}).applied_to(agent) is agent


def test_of_two_experiments_that_want_the_same_the_first_counts() -> None:
    both = joined([EngineOverrides(model="a"), EngineOverrides(model="b", voice="amy")])
    assert (both.model, both.voice) == ("a", "amy")
