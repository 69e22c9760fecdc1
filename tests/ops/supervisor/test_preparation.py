"""What `up` fetches before it starts anything."""

import socket
import threading
from pathlib import Path

import psutil
import pytest

from ops.supervisor.configuration import Configuration, read_configuration
from ops.supervisor.preparation import Preparation, PreparationCancelledError, needed_models
from parley.errors import ModelError
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
    assert (TURN_SOUND_MODEL in needed) is is_fetched


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    """Of a machine with an empty cache and no network."""
    monkeypatch.setenv("PARLEY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    return read_configuration(write_config(tmp_path / "configs"), tmp_path / "state")


def test_what_cannot_be_had_ends_the_whole_preparation(configuration: Configuration) -> None:
    ended = threading.Event()
    preparation = Preparation(configuration, ("tts", "asr"), on_done=ended.set)
    with pytest.raises(ModelError, match="could not be"):
        preparation.wait()
    assert ended.wait(30)


async def test_a_part_waits_for_its_own_steps_alone(configuration: Configuration) -> None:
    preparation = Preparation(configuration, ("tts", "agent"))
    await preparation.until_ready("agent")
    with pytest.raises(ModelError):
        await preparation.until_ready("tts-2")


def test_cancelling_ends_the_installers(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as silent:  # an index that never answers
        monkeypatch.delenv("UV_OFFLINE")
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        monkeypatch.setenv("UV_DEFAULT_INDEX", address)
        preparation = Preparation(configuration, ("tts",), lambda *_: begun.set())
        assert begun.wait(60)
        preparation.cancel()
    left = [child for child in psutil.Process().children(recursive=True) if "uv" in child.name()]
    assert left == []
    with pytest.raises(PreparationCancelledError):
        preparation.wait()
