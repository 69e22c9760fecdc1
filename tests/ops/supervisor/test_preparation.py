"""What `up` fetches before it starts anything."""

from pathlib import Path

import pytest

from ops.supervisor.configuration import read_configuration
from ops.supervisor.preparation import needed_models
from parley.settings.worker import TURN_SOUND_MODEL
from testkit.isolated_config import write_config


@pytest.mark.parametrize(
    ("end_of_turn", "told", "is_fetched"),
    [("detector", True, False), ("judged", True, True), ("judged", False, False)],
)
def test_how_a_turn_sounds_is_fetched_where_it_is_asked_for(
    tmp_path: Path, end_of_turn: str, told: bool, is_fetched: bool
) -> None:
    configs = write_config(
        tmp_path / "configs",
        orchestrator={"turn": {"end_of_turn": end_of_turn}},
        worker={"asr": {"turn_sound": told}},
    )
    needed = needed_models(read_configuration(configs, tmp_path / "state"), ("asr",))
    assert (("asr", TURN_SOUND_MODEL) in needed) is is_fetched
