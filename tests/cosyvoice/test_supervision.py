"""`ADAPTER_TYPE=cosyvoice ./run up`: the TTS worker runs in its own environment."""

from pathlib import Path

import pytest

from ops.supervisor.configuration import Configuration, read_configuration
from ops.supervisor.keys import livekit_keys
from ops.supervisor.part import Part
from ops.supervisor.parts import local_parts
from ops.supervisor.preparation import needed_models
from ops.toolchain.engine_environment import COSYVOICE
from testkit.isolated_config import write_config


def configured(folder: Path) -> Configuration:
    return read_configuration(write_config(folder / "configs"), folder / "state")


def tts_part(configuration: Configuration) -> Part:
    keys = livekit_keys(configuration)
    (part,) = local_parts(configuration, keys=keys, livekit_server=None, names=("tts",))
    return part


def test_worker_runs_in_the_environment_of_its_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPTER_TYPE", "cosyvoice")
    part = tts_part(configured(tmp_path))
    assert part.command == (str(COSYVOICE.python), "-P", "-m", "workers.tts")
    assert part.environment["ADAPTER_TYPE"] == "cosyvoice"


def test_other_engines_run_in_parleys_own_environment(tmp_path: Path) -> None:
    assert tts_part(configured(tmp_path)).command[0] != str(COSYVOICE.python)


def test_no_voice_is_fetched_for_an_engine_that_has_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = needed_models(configured(tmp_path), ("tts", "asr"))
    monkeypatch.setenv("ADAPTER_TYPE", "cosyvoice")
    after = needed_models(configured(tmp_path), ("tts", "asr"))
    assert before == ["piper-en-us-joe-medium", *after]
