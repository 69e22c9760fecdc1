"""What an engine makes of a model is there before its worker starts, and made once."""

import os
import shutil
from pathlib import Path

import pytest

from ops.supervisor.configuration import read_configuration
from ops.supervisor.preparation import Preparation
from ops.toolchain.converted_models import (
    CONVERTERS,
    ensure_converted,
    is_converted_once,
)
from parley import models, paths
from parley.errors import ToolchainError
from parley.settings.orchestrator import LARGE_LLM, SMALL_LLM
from testkit.isolated_config import write_config
from workers.engines.conversion import CONVERSIONS

VOICE = "piper-en-us-joe-medium"


class Told:
    """Progress that counts what it was told of."""

    def __init__(self) -> None:
        self.labels: list[str] = []

    def __call__(self, label: str, done: int, total: int | None, /) -> None:
        self.labels.append(label)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with the models, and nothing that was made of them."""
    models.ensure(VOICE)
    shared = paths.cache_dir() / "models"
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "models").symlink_to(shared.resolve())
    monkeypatch.setenv("PARLEY_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def made(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stages of VOICE are, as in the cache of this machine."""
    shared = (cache / "models").resolve().parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARLEY_CACHE_DIR", str(shared))
        there = ensure_converted(VOICE)
    assert there is not None
    return shutil.copytree(there, cache / "stages" / there.name, ignore=lambda *_: [".stamp"])


def test_both_sides_name_the_same_engines() -> None:
    of_speech = {
        engine
        for engine, converter in CONVERTERS.items()
        if converter.module == "workers.engines.conversion"
    }
    assert of_speech == set(CONVERSIONS)
    assert is_converted_once(VOICE)
    assert is_converted_once(SMALL_LLM)
    assert not is_converted_once(LARGE_LLM)
    assert not is_converted_once("whisper-base")
    assert not is_converted_once("no-such-voice")


async def test_it_is_there_before_its_worker_starts_and_asked_about_when_it_was_touched(
    made: Path, tmp_path: Path
) -> None:
    configuration = read_configuration(write_config(tmp_path / "configs"), tmp_path / "state")
    first, second, third = Told(), Told(), Told()
    await Preparation(configuration, ("tts",), first).until_ready("tts")
    assert f"Converting {VOICE}" in first.labels
    assert ensure_converted(VOICE, progress=second) == made
    assert second.labels == []
    os.utime(made / "decoder.onnx", (0, 0))
    assert ensure_converted(VOICE, progress=third) == made
    assert third.labels


def test_why_it_cannot_be_made_is_told(cache: Path) -> None:
    models.ensure("moonshine-base-en")
    (cache / "graphs").write_text("no folder", encoding="utf-8")
    with pytest.raises(
        ToolchainError, match="moonshine-base-en cannot be converted: the graphs of"
    ):
        ensure_converted("moonshine-base-en")


def test_a_cache_that_cannot_be_written_is_left_to_the_worker(cache: Path) -> None:
    (cache / "converted").write_text("no folder", encoding="utf-8")
    assert ensure_converted(VOICE) is None


def test_a_model_that_is_as_good_as_published_is_loaded_so_where_it_cannot_be_converted(
    cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models.ensure(SMALL_LLM)
    (cache / "weights").write_text("no folder", encoding="utf-8")
    assert ensure_converted(SMALL_LLM) is None
    assert f"{SMALL_LLM} cannot be converted" in caplog.text
