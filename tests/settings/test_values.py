"""One setting at a time: what cannot be right is refused in a sentence that says what can."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from parley.errors import ConfigurationError
from parley.settings import load_orchestrator, load_worker
from parley.settings.livekit_server import load_livekit_server
from parley.settings.values import is_loopback, without_credentials

HOST = "expected a name or IP address of this machine"
WS = "such as ws://host:port"
TARGETS = "expected host:port"
LANGUAGE = "such as en or de-DE"

ORCHESTRATOR = [
    ("server.host", "https://0.0.0.0", HOST),
    ("server.host", "localhost:8080", HOST),
    ("server.host", "10.0.0.256", HOST),
    ("server.host", "my machine", HOST),
    ("server.allowed_origins", ["https://Shop.example/"], "in small letters"),
    ("livekit.url", "livekit.example.com", WS),
    ("livekit.url", "https://livekit.example.com", WS),
    ("livekit.url", "wss://livekit.example.com:seven", WS),
    ("livekit.public_url", "ws:/livekit", WS),
    ("livekit.agent_name", "", "at least 1 character"),
    ("tts.worker_address", "localhost", TARGETS),
    ("tts.worker_address", "10.0.0.1:7001 10.0.0.2:7001", TARGETS),
    ("asr.worker_address", "grpc://10.0.0.1:7002", TARGETS),
    ("asr.worker_address", "10.0.0.1:0", TARGETS),
    ("tts.default_model", "", "at least 1 character"),
    ("asr.language", "German", LANGUAGE),
    ("asr.language", "e", LANGUAGE),
    ("asr.language", "en US", LANGUAGE),
    ("llm.base_url", "https//api.example.com", "such as https://host:port/v1"),
    ("llm.base_url", "ws://api.example.com/v1", "such as https://host:port/v1"),
    ("evaluation.judge_base_url", "/v1", "such as https://host:port/v1"),
    ("agent.apps", {"my shop": "shop.py"}, "letters, digits, - and _"),
    ("agent.environment", ["2FA_TOKEN"], "the name of a variable"),
    ("agent.environment", ["TOKEN=x"], "the name of a variable"),
]
WORKER = [
    ("tts.host", "::1:7001:", HOST),
    ("asr.host", "tcp://127.0.0.1", HOST),
    ("tts.advertise", "worker-1", "host:port, or nothing"),
    ("asr.advertise", "a:1,b:2", "host:port, or nothing"),
    ("asr.language", "deutsch", LANGUAGE),
]
LIVEKIT = [
    ("bind_addresses", [], "expected at least one address"),
    ("bind_addresses", ["127.0.0.1:7880"], HOST),
    ("rtc.node_ip", "this-machine", "such as 127.0.0.1"),
    ("rtc.node_ip", "127.0.0", "such as 127.0.0.1"),
]


def _file(folder: Path, key: str, value: Any) -> Path:
    for part in reversed(key.split(".")):
        value = {part: value}
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump(value))
    return file


@pytest.mark.parametrize(
    ("load", "key", "value", "allowed"),
    [
        *((load_orchestrator, *case) for case in ORCHESTRATOR),
        *((load_worker, *case) for case in WORKER),
        *((load_livekit_server, *case) for case in LIVEKIT),
    ],
)
def test_what_is_allowed_is_said_with_the_setting_and_its_value(
    tmp_path: Path, load: Any, key: str, value: Any, allowed: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(_file(tmp_path, key, value), environ={})
    told = str(caught.value)
    assert key in told and allowed in told and ", found " in told
    assert "\n" not in told and "[key]" not in told


@pytest.mark.parametrize(
    ("load", "key", "value"),
    [
        *((load_orchestrator, "server.host", host) for host in ("", "::", "0.0.0.0", "my-box.lan")),
        *((load_orchestrator, "livekit.url", url) for url in ("wss://lk.example", "ws://[::1]:78")),
        (load_orchestrator, "tts.worker_address", "[::1]:7001, tts-2.local:7001"),
        *((load_orchestrator, "asr.language", code) for code in ("de-DE", "zh_Hans_CN", "yue")),
        *((load_orchestrator, "redis.url", url) for url in ("unix:///run/r.sock", "rediss://h/1")),
        (load_worker, "tts.advertise", "tts-1.example:7001"),
        (load_livekit_server, "rtc.node_ip", ""),
    ],
)
def test_what_is_right_passes(tmp_path: Path, load: Any, key: str, value: str) -> None:
    settings = load(_file(tmp_path, key, value), environ={})
    for part in key.split("."):
        settings = getattr(settings, part)
    assert settings == value


@pytest.mark.parametrize(
    "url", ["redis:hunter2", "rediss://", "127.0.0.1:6379/hunter2", "redis://:hunter2 @host"]
)
def test_an_address_that_may_hold_a_password_is_never_shown(tmp_path: Path, url: str) -> None:
    for load in (load_orchestrator, load_worker):
        with pytest.raises(ConfigurationError, match=r"environment variable REDIS_URL") as caught:
            load(tmp_path / "none.yaml", environ={"REDIS_URL": url})
        assert "hunter2" not in str(caught.value)


def test_a_password_in_an_address_is_left_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_orchestrator(
            tmp_path / "none.yaml", environ={"OPENAI_BASE_URL": "ftp://me:hunter2@host/v1"}
        )
    assert "hunter2" not in str(caught.value) and "@host/v1" in str(caught.value)
    assert without_credentials("https://me:hunter2@host:1/v1?a@b") == "https://host:1/v1?a@b"


@pytest.mark.parametrize(
    "key", ["llm.base_url", "livekit.url", "server.host", "tts.worker_address"]
)
def test_a_long_value_is_shortened_in_no_time(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigurationError, match=r"x….*200,000 characters") as caught:
        load_orchestrator(_file(tmp_path, key, ("x" * 199_998) + " !"), environ={})
    assert len(str(caught.value)) < 500 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("load", "text", "told"),
    [
        (
            load_orchestrator,
            "turn: {endpointing_min_delay_s: 3}\n",
            ":1: turn: endpointing_min_delay_s (3) is more than endpointing_max_delay_s (2.5)",
        ),
        (
            load_orchestrator,
            "turn:\n  endpointing_max_delay_s: 0.1\n",
            ":1: turn: endpointing_min_delay_s (0.3) is more than endpointing_max_delay_s (0.1)",
        ),
        (
            load_livekit_server,
            "rtc:\n  port_range_end: 20000\n",
            ":1: rtc: port_range_start (50000) is more than port_range_end (20000)",
        ),
    ],
)
def test_values_that_do_not_go_together_are_named(
    tmp_path: Path, load: Any, text: str, told: str
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load(file, environ={})
    assert str(caught.value) == f"{file}{told}"


@pytest.mark.parametrize("count", [6, 700, 9_000])
def test_many_unknown_keys_are_counted(tmp_path: Path, count: int) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text("".join(f"x{number}: 1\n" for number in range(count)))
    with pytest.raises(ConfigurationError) as caught:
        load_orchestrator(file, environ={})
    lines = str(caught.value).splitlines()
    assert len(lines) == 6
    assert f"and {count - 5:,} more" in lines[-1]


@pytest.mark.parametrize(
    "content", ["x: 1\n" * 90_000, "instructions: " + "y" * 300_000, "[" * 400_000]
)
def test_a_file_that_nobody_wrote_is_not_read(tmp_path: Path, content: str) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match="larger than 256 KiB"):
        load_orchestrator(file, environ={})


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("tts:\n  default_modell: x\n", "'default_model'"),
        ("agnet: {}\n", "'agent'"),
        ("agent:\n  max_session: 3\n", "'max_sessions'"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(tmp_path: Path, text: str, meant: str) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=f"did you mean {meant}"):
        load_orchestrator(file, environ={})


def test_a_folder_of_configuration_that_is_none_is_not_taken_for_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    for place in ("nowhere", "file", "file/below"):
        monkeypatch.setenv("PARLEY_CONFIG_DIR", str(tmp_path / place))
        for load in (load_orchestrator, load_worker, load_livekit_server):
            with pytest.raises(ConfigurationError, match="PARLEY_CONFIG_DIR"):
                load()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *((host, True) for host in ("127.0.0.1", "127.1.2.3", "localhost", "::1")),
        *((host, False) for host in ("", "0.0.0.0", "::", "worker-1")),
    ],
)
def test_the_loopback_is_told_from_what_others_reach(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
