"""`python -m parley.models`: what a worker will load, brought beforehand."""

import subprocess
import sys

from parley.models.needed import language_models, recognition_models, synthesis_models
from parley.settings.orchestrator import LARGE_LLM, SMALL_LLM
from parley.settings.worker import AsrWorkerSection, TtsWorkerSection


def test_workers_need_what_they_load_when_they_start() -> None:
    assert synthesis_models(TtsWorkerSection(default_model="x")) == ["x"]
    assert synthesis_models(TtsWorkerSection(adapter="kokoro", default_model="y")) == ["y"]
    here = AsrWorkerSection(device="cpu")
    assert recognition_models(here) == ["moonshine-base-en", "smart-turn-v3"]
    assert recognition_models(here, turn_sound=False) == ["moonshine-base-en"]
    silent = AsrWorkerSection(device="cpu", turn_sound=False)
    assert recognition_models(silent) == ["moonshine-base-en"]
    german = AsrWorkerSection(device="cpu", language="de")
    assert recognition_models(german)[0] == "whisper-base"


def test_a_server_that_chooses_its_language_model_finds_both() -> None:
    assert language_models("auto") == [SMALL_LLM, LARGE_LLM]
    assert language_models(LARGE_LLM) == [LARGE_LLM]


def test_what_lies_in_a_folder_is_not_fetched() -> None:
    assert synthesis_models(TtsWorkerSection(adapter="cosyvoice", default_model="anna")) == []


def brought(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "parley.models", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_voice_that_its_engine_brings_is_not_fetched() -> None:
    done = brought("hibari-en-us-heart")
    assert done.returncode == 0
    assert "hibari-en-us-heart comes with the package of its engine" in done.stderr


def test_a_model_that_there_is_not_is_one_sentence() -> None:
    done = brought("no-such-voice")
    assert done.returncode == 1
    assert "no-such-voice" in done.stderr and "Traceback" not in done.stderr


def test_a_language_model_that_there_is_not_is_one_sentence() -> None:
    done = brought("--llm", "no-such-model")
    assert done.returncode == 1
    assert "no-such-model" in done.stderr and "Traceback" not in done.stderr
