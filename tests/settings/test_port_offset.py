"""PARLEY_PORT_OFFSET: every port of ours moves, and nothing that is somebody else's."""

from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from parley.errors import ConfigurationError
from parley.settings.livekit_server import LiveKitServerSettings
from parley.settings.orchestrator import OrchestratorSettings
from parley.settings.port_offset import PORT_OFFSET
from parley.settings.reference import FILES
from parley.settings.source import Section, fields, load
from parley.settings.worker import WorkerSettings

MOVED = {PORT_OFFSET: "100"}


def value(settings: Any, path: tuple[str, ...]) -> Any:
    return reduce(getattr, path, settings)


@pytest.mark.parametrize("name", FILES)
def test_every_port_of_every_file_moves(name: str, tmp_path: Path) -> None:
    model = FILES[name]
    assert issubclass(model, Section)
    before, after = (load(model, tmp_path / name, environ=environ) for environ in ({}, MOVED))
    ports = [path for path, _ in fields(model) if "port" in path[-1].split("_")]
    assert ports
    for path in ports:
        was = value(before, path)
        assert value(after, path) == (was + 100 if was else 0), path
    others = [path for path, field in fields(model) if path not in ports]
    changed = {path[-1] for path in others if value(before, path) != value(after, path)}
    assert changed == ({"url", "worker_address"} if name == "orchestrator.yaml" else set())


def test_what_asks_for_a_part_of_ours_finds_it(tmp_path: Path) -> None:
    settings = load(OrchestratorSettings, tmp_path / "none", environ=MOVED)
    worker = load(WorkerSettings, tmp_path / "none", environ=MOVED)
    livekit = load(LiveKitServerSettings, tmp_path / "none", environ=MOVED)
    assert settings.livekit.url == f"ws://127.0.0.1:{livekit.port}" == "ws://127.0.0.1:7980"
    assert settings.tts.worker_address == f"127.0.0.1:{worker.tts.port}" == "127.0.0.1:7101"
    assert settings.asr.worker_address == f"127.0.0.1:{worker.asr.port}"
    assert settings.llm_url == "http://127.0.0.1:7103/v1"
    assert settings.agent_targets == "127.0.0.1:8181"
    assert (livekit.rtc.port_range_start, livekit.rtc.port_range_end) == (50100, 50199)
    assert worker.numbered(2).tts.port == 7111


def test_what_is_elsewhere_stays_there(tmp_path: Path) -> None:
    (tmp_path / "orchestrator.yaml").write_text(
        "livekit: {url: 'wss://rooms.example.org:7880', public_url: 'ws://localhost:7880/x'}\n"
        "tts: {worker_address: '127.0.0.1:7001, 10.0.0.2:7001,[::1]:7001'}\n"
        "llm: {base_url: 'http://127.0.0.1:11434/v1'}\n"
        "redis: {url: 'redis://127.0.0.1:6379'}\n"
    )
    (tmp_path / "worker.yaml").write_text("tts: {advertise: 'tts.example.org:7001'}\n")
    settings = load(OrchestratorSettings, tmp_path / "orchestrator.yaml", environ=MOVED)
    assert settings.livekit.url == "wss://rooms.example.org:7880"
    assert settings.livekit.public_url == "ws://localhost:7980/x"
    assert settings.tts.worker_address == "127.0.0.1:7101,10.0.0.2:7001,[::1]:7101"
    assert settings.llm_url == "http://127.0.0.1:11434/v1"
    assert settings.redis.url == "redis://127.0.0.1:6379"
    worker = load(WorkerSettings, tmp_path / "worker.yaml", environ=MOVED)
    assert worker.tts.advertise == "tts.example.org:7101"  # its own, wherever it is


@pytest.mark.parametrize(
    ("offset", "said"),
    [
        ("60000", r"server\.port is 8080, and PARLEY_PORT_OFFSET adds 60000"),
        ("-100", "expected a number such as 100, found '-100'"),
        ("a lot", "expected a number such as 100"),
        ("1000000", "expected a number such as 100"),
    ],
)
def test_an_offset_that_cannot_be_is_named(offset: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load(OrchestratorSettings, tmp_path / "none", environ={PORT_OFFSET: offset})
