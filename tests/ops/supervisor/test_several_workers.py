"""`tts.workers`: so many TTS workers run, and every client knows all of them."""

import asyncio
from pathlib import Path

import pytest
import yaml

from ops.supervisor.configuration import read_configuration
from ops.supervisor.keys import LiveKitKeys
from ops.supervisor.part import PartState
from ops.supervisor.parts import local_parts
from ops.supervisor.stack import Stack
from parley.errors import ConfigurationError
from parley.settings import WorkerSettings, load_orchestrator
from parley.settings.worker import TtsWorkerSection
from parley.speech.configured import speech_discovery, speech_pool
from testkit.isolated_config import write_config
from tests.speech.certificates import SERVER_NAME, make_certificates, tls_of

HIBARI = "hibari-en-us-heart"


def set_to(file: Path, **tts: object) -> None:
    values = yaml.safe_load(file.read_text())
    values["tts"].update(tts)
    file.write_text(yaml.safe_dump(values))


def with_tls(configs: Path) -> Path:
    certificates = make_certificates(configs / "tls")
    for name, side in (("worker", "worker"), ("orchestrator", "agent")):
        file = configs / f"{name}.yaml"
        values = yaml.safe_load(file.read_text())
        values["tls"].update(tls_of(side, certificates))
        if side == "agent":
            values["tls"]["server_name"] = SERVER_NAME
        file.write_text(yaml.safe_dump(values))
    return configs


def several(folder: Path, count: int) -> Path:
    configs = write_config(folder / "configs")
    set_to(configs / "orchestrator.yaml", workers=count, default_model=HIBARI)
    set_to(configs / "worker.yaml", adapter="hibari", default_model=HIBARI)
    return configs


def test_each_worker_has_a_name_and_ports_of_its_own_where_clients_look_for_it(
    tmp_path: Path,
) -> None:
    configuration = read_configuration(several(tmp_path, 3), tmp_path)
    keys = LiveKitKeys("key", "s" * 32)
    parts = local_parts(configuration, keys=keys, livekit_server=None, names=("tts", "asr"))
    assert [part.name for part in parts] == ["asr", "tts", "tts-2", "tts-3"]
    ports = [port.port for part in parts for port in part.ports]
    assert len(set(ports)) == len(ports)
    found = [worker.target for worker in speech_discovery(configuration.orchestrator).workers()]
    assert found == [part.ready_url.removeprefix("grpc://") for part in parts[1:]]


def test_the_ports_that_are_free_by_default_suffice_for_many() -> None:
    default = WorkerSettings()
    sections = [default.asr, *(default.numbered(n).tts for n in range(1, 17))]
    ports = [port for section in sections for port in (section.port, section.metrics_port)]
    assert len(set(ports)) == len(ports)
    assert load_orchestrator(Path("/none"), environ={}).llm.local_port not in ports


def test_addresses_that_are_listed_stay_beside_those_that_up_starts(tmp_path: Path) -> None:
    configs = several(tmp_path, 2)
    set_to(configs / "orchestrator.yaml", worker_address="127.0.0.1:7001, gpu.example.org:7001")
    settings = load_orchestrator(configs / "orchestrator.yaml")
    assert [worker.target for worker in speech_discovery(settings).workers()] == [
        "127.0.0.1:7001",
        "gpu.example.org:7001",
        "127.0.0.1:7011",
    ]


def test_an_advertised_port_moves_with_the_one_that_is_listened_on() -> None:
    settings = WorkerSettings(tts=TtsWorkerSection(advertise="tts.example.org:17001"))
    assert settings.numbered(3).tts.advertise == "tts.example.org:17021"


def test_a_worker_for_whom_no_port_is_left_is_one_sentence() -> None:
    settings = WorkerSettings(tts=TtsWorkerSection(port=65530))
    with pytest.raises(ConfigurationError, match=r"tts\.port is 65540.*choose a lower one"):
        settings.numbered(2)


@pytest.mark.servers
@pytest.mark.parametrize("secured", [False, True])
def test_up_runs_so_many_and_the_pool_reaches_each(tmp_path: Path, secured: bool) -> None:
    async def reached(stack: Stack) -> list[bool]:
        async with speech_pool(stack.configuration.orchestrator) as pool:
            return [worker.reachable for worker in pool.roster.candidates()]

    configs = several(tmp_path, 2)
    if secured:
        with_tls(configs)
    with Stack(configs, tmp_path / "state", parts=("tts",)) as stack:
        assert {part.name: part.state for part in stack.status} == {
            "tts": PartState.READY,
            "tts-2": PartState.READY,
        }
        assert asyncio.run(reached(stack)) == [True, True]
