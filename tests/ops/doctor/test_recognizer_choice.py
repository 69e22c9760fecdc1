"""Which recognizer `asr.adapter` comes to, and combinations that cannot hear."""

from pathlib import Path

import pytest

from ops.doctor.finding import Finding, Level
from ops.doctor.speech_setup import check_speech
from ops.supervisor.configuration import Configuration
from ops.supervisor.keys import LiveKitKeys
from ops.supervisor.parts import local_parts
from ops.supervisor.preparation import needed_models
from parley.gpu import has_gpu
from parley.settings.livekit_server import LiveKitServerSettings
from parley.settings.orchestrator import AsrSection, OrchestratorSettings
from parley.settings.worker import AsrWorkerSection, WorkerSettings


def configuration(*, spoken: str = "en", **asr: object) -> Configuration:
    """The files' defaults, but for the worker's section and the agent's language."""
    return Configuration(
        config_dir=Path(),
        state_dir=Path(),
        orchestrator=OrchestratorSettings(asr=AsrSection(language=spoken)),
        worker=WorkerSettings(asr=AsrWorkerSection.model_validate(asr)),
        livekit=LiveKitServerSettings(),
    )


@pytest.mark.parametrize(
    ("asr", "engine", "model"),
    [
        ({"adapter": "auto", "device": "cpu"}, "moonshine", "moonshine-base-en"),
        ({"adapter": "auto", "device": "cpu", "language": "en-GB"}, "moonshine", None),
        ({"adapter": "auto", "device": "cpu", "language": "de"}, "whisper", "whisper-base"),
        ({"adapter": "auto", "device": "cuda"}, "whisper", "whisper-base"),
        ({"adapter": "auto", "device": "cpu", "model": "whisper-tiny-en"}, "whisper", None),
        ({"adapter": "moonshine"}, "moonshine", "moonshine-base-en"),
        ({"adapter": "whisperx"}, "whisperx", "whisper-base"),
        ({"adapter": "whisper", "model": "whisper-tiny-en"}, "whisper", "whisper-tiny-en"),
        ({"device": "cpu"}, "moonshine", "moonshine-base-en"),
    ],
)
def test_an_adapter_comes_to_an_engine_and_its_model(
    asr: dict[str, str], engine: str, model: str | None
) -> None:
    section = AsrWorkerSection.model_validate(asr)
    assert section.engine == engine
    assert section.engine_model == (model or asr.get("model") or "moonshine-base-en")


def test_a_gpu_is_seen_by_its_driver(tmp_path: Path) -> None:
    assert not has_gpu(tmp_path)
    (tmp_path / "nvidiactl").touch()
    assert has_gpu(tmp_path)


@pytest.mark.parametrize(
    "agreed",
    [
        {"adapter": "moonshine", "device": "cpu"},
        {"adapter": "whisper", "language": "de"},
        {"adapter": "auto", "device": "cpu", "language": "de"},
    ],
)
def test_what_can_hear_is_let_pass(agreed: dict[str, str]) -> None:
    assert not problems(configuration(spoken=agreed.get("language", "en"), **agreed))


def test_a_language_it_does_not_know_is_one_sentence_before_anything_starts() -> None:
    for asr, spoken, file in (
        ({"adapter": "moonshine", "language": "de"}, "en", "worker.yaml"),
        ({"adapter": "moonshine", "device": "cpu"}, "de", "orchestrator.yaml"),
    ):
        (found,) = problems(configuration(spoken=spoken, **asr))
        assert found.detail == (
            f"asr.language of {file} is 'de', which moonshine-base-en does not hear"
        )
        assert "it hears en" in found.remedy
        assert "asr.adapter to whisper" in found.remedy


def test_calls_in_another_language_are_heard_by_whisper_though_no_worker_names_it() -> None:
    german = configuration(spoken="de-AT", device="cpu")
    assert not problems(german)
    assert "whisper-base" in needed_models(german, ["asr"])
    (worker,) = local_parts(
        german, keys=LiveKitKeys("key", "secret"), livekit_server=None, names=["asr"]
    )
    assert worker.environment["ASR_ADAPTER"] == "whisper"


def test_only_the_model_that_hears_is_fetched() -> None:
    assert "moonshine-base-en" in needed_models(configuration(device="cpu"), ["asr"])
    assert "whisper-base" in needed_models(configuration(adapter="whisperx"), ["asr"])


def test_a_gpu_it_cannot_use_is_one_sentence() -> None:
    (found,) = problems(configuration(adapter="moonshine", device="cuda"))
    assert "CPUs only" in found.detail


def test_a_model_of_another_engine_is_named() -> None:
    (found,) = problems(configuration(adapter="moonshine", model="whisper-base"))
    assert "whisper-base" in found.detail


def problems(configuration: Configuration) -> list[Finding]:
    return [found for found in check_speech(configuration) if found.level is Level.PROBLEM]
