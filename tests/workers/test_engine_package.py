"""Engines of an installed package: the one that docs/engines.md shows, word for word, at work."""

import asyncio
import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ops.supervisor.configuration import read_configuration
from ops.supervisor.preparation import needed_models
from parley import paths
from parley.errors import ConfigurationError
from parley.rpc.v1 import recognition_pb2 as pb
from parley.rpc.v1 import recognition_pb2_grpc, status_pb2
from parley.settings import load_orchestrator, load_worker
from parley.settings.engines import OWN_ENGINES
from parley.telemetry.worker import final_latency
from testkit.isolated_config import write_config
from tests.workers.listening import Running
from tests.workers.process import Worker, client, serving, started
from tests.workers.speaking import hear
from tests.workers.speech_sounds import LIGHTS, speech
from workers import engines
from workers.serving.admission import Slots

PACKAGE = Path(__file__).parent / "engine_package"
DOCUMENTATION = paths.repository() / "docs" / "engines.md"


def shown(language: str) -> dict[str, str]:
    """The files that the documentation shows in this language, by name."""
    text = DOCUMENTATION.read_text(encoding="utf-8")
    pattern = rf"^`([\w/.]+)`:\n\n```{language}\n(.*?)^```"
    return dict(re.findall(pattern, text, re.DOTALL | re.MULTILINE))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with the package as pip installs it: its modules and its metadata."""
    site = tmp_path / "site"
    shutil.copytree(PACKAGE / "hum_engines", site / "hum_engines")
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    metadata = site / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8"
    )
    lines: list[str] = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in points.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return site


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(site)
    yield


def in_processes(site: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(site)}


def test_the_documentation_shows_the_package_word_for_word() -> None:
    files = shown("toml") | shown("python")
    assert sorted(files) == [
        "hum_engines/__init__.py",
        "hum_engines/asr.py",
        "hum_engines/tts.py",
        "pyproject.toml",
    ]
    for name, text in files.items():
        assert text == (PACKAGE / name).read_text(encoding="utf-8"), name


@pytest.mark.servers
async def test_an_installed_engine_speaks_in_a_worker_process(site: Path, tmp_path: Path) -> None:
    with started(
        tmp_path, adapter="hum", default_model="hum-low", environment=in_processes(site)
    ) as worker:
        async with client(worker) as stub:
            heard = await hear(stub, "One two three.", "", "Four.")
            status = (await stub.GetStatus(status_pb2.GetStatusRequest())).status
    assert (heard.started.engine, heard.started.voice) == ("hum", "hum-low")
    assert [word for _, word, _, _ in heard.words] == ["One", "two", "three.", "Four."]
    assert len(heard.samples) == 4 * 2400
    assert np.abs(heard.samples).max() > 1000
    assert (status.engine, status.device) == ("hum", "cpu")


@pytest.mark.servers
async def test_an_installed_engine_recognizes_in_a_worker_process(
    site: Path, tmp_path: Path
) -> None:
    with started(
        tmp_path, part="asr", adapter="hum", model="hum-ear", environment=in_processes(site)
    ) as worker:
        final = await _recognized(worker)
    seconds = len(speech(LIGHTS)) / 16000
    assert re.fullmatch(r"\d seconds of speech\.", final.text)
    assert int(final.text[0]) == pytest.approx(seconds, abs=1)


async def _recognized(worker: Worker) -> pb.Transcript:
    async with serving(worker) as channel:
        stub = recognition_pb2_grpc.SpeechRecognitionStub(channel)
        speaker = await Running(
            stub, Slots(1, queue_wait_s=0.0), worker.target, final_latency()
        ).listen(interim_results=False)
        assert (speaker.started.engine, speaker.started.model) == ("hum", "hum-ear")
        await speaker.say(speech(LIGHTS))
        (final,) = await speaker.rest()
        return final


@pytest.mark.servers
async def test_a_voice_that_it_does_not_have_is_refused_with_those_it_has(
    site: Path, tmp_path: Path
) -> None:
    with started(tmp_path, adapter="hum", environment=in_processes(site)) as worker:
        _, errors = await asyncio.to_thread(worker.process.communicate, timeout=60)
    assert worker.process.returncode == 2
    said = "no voice is called 'piper-en-us-joe-medium'; this worker speaks with hum-low\n"
    assert errors.endswith(said)


def _settings(folder: Path, text: str) -> Path:
    file = folder / "worker.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_name_that_no_engine_has_is_refused_with_those_there_are(
    installed: None, tmp_path: Path
) -> None:
    file = _settings(tmp_path, "tts:\n  adapter: hmm\n")
    with pytest.raises(ConfigurationError) as error:
        load_worker(file, environ={})
    assert str(error.value) == (
        f"{file}:2: tts.adapter: no engine has this name; there are piper, hibari, kokoro, "
        "cosyvoice, hum, found 'hmm'"
    )
    with pytest.raises(
        ConfigurationError, match="there are whisper, whisperx, moonshine, hum, found 'hmm'"
    ):
        load_worker(_settings(tmp_path, "asr:\n  adapter: hmm\n"), environ={})


def test_without_the_package_its_name_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match="there are piper, hibari, kokoro, cosyvoice, found 'hum'"
    ):
        load_worker(_settings(tmp_path, "tts:\n  adapter: hum\n"), environ={})


def test_a_variable_that_names_it_suits_all_processes(installed: None, tmp_path: Path) -> None:
    environ = {"ADAPTER_TYPE": "hum", "ASR_ADAPTER": "hum"}
    worker = load_worker(tmp_path / "worker.yaml", environ=environ)
    orchestrator = load_orchestrator(tmp_path / "orchestrator.yaml", environ=environ)
    assert (worker.tts.adapter, worker.asr.adapter, orchestrator.asr.adapter) == ("hum",) * 3


def test_up_fetches_no_model_of_an_installed_engine(
    installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPTER_TYPE", "hum")
    monkeypatch.setenv("ASR_ADAPTER", "hum")
    configuration = read_configuration(write_config(tmp_path / "configs"), tmp_path / "state")
    assert needed_models(configuration, ("tts", "asr")) == []


def test_an_entry_point_that_names_nothing_is_one_sentence(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (metadata,) = site.glob("*.dist-info")
    points = metadata / "entry_points.txt"
    points.write_text("[parley.tts_engines]\nhum = hum_engines.tts:Nothing\n", encoding="utf-8")
    monkeypatch.syspath_prepend(site)
    with pytest.raises(ConfigurationError, match=r"hum_engines\.tts:Nothing' names nothing"):
        engines.create_tts_engine("hum", threads=1)
    points.write_text("[parley.tts_engines]\nhum = hum_engines.nowhere:It\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"hum cannot be loaded.*nowhere"):
        engines.create_tts_engine("hum", threads=1)


def test_the_settings_know_the_engines_that_there_are() -> None:
    for kind, own in engines.OWN.items():
        assert sorted(own) == sorted(OWN_ENGINES[kind])
