"""What cannot work here is found before anything starts, by `doctor` and by `up` alike."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import main as cli
from ops.doctor.finding import Finding, Level
from ops.doctor.folders import check_folders
from ops.doctor.setup import check_setup, refuse_problems
from ops.supervisor.apps import CheckedAgent
from ops.supervisor.configuration import Configuration, read_configuration
from ops.supervisor.keys import LiveKitKeys
from ops.supervisor.parts import local_parts
from ops.supervisor.ports import check_ports
from parley.discovery.last_known import LastKnown
from parley.discovery.lease import Lease
from parley.errors import ConfigurationError, SupervisorError
from testkit.isolated_config import free_ports, write_config

SECRET = "x" * 32


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARLEY_CONFIG_DIR", str(tmp_path / "configs"))
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PARLEY_CALLED_FROM", "")  # `up` sets it, for what it starts
    return tmp_path


def configured(
    folder: Path,
    orchestrator: dict[str, Any] | None = None,
    worker: dict[str, Any] | None = None,
    livekit: dict[str, Any] | None = None,
) -> Configuration:
    configs = write_config(folder / "configs", orchestrator=orchestrator, worker=worker)
    file = configs / "livekit.yaml"
    values = yaml.safe_load(file.read_text())
    for section, changes in (livekit or {}).items():
        values[section].update(changes)
    file.write_text(yaml.safe_dump(values))
    return read_configuration(configs, folder / "state")


def found(findings: Iterator[Finding], level: Level) -> str:
    return "\n".join(f"{f.subject}: {f.detail}: {f.remedy}" for f in findings if f.level is level)


def test_the_configuration_as_it_comes_has_nothing_to_say(folders: Path) -> None:
    findings = list(check_setup(configured(folders), [CheckedAgent("assistant", None, None)]))
    assert [f for f in findings if f.level is not Level.OK] == []


@pytest.mark.parametrize(
    ("orchestrator", "worker", "told"),
    [
        ({"asr": {"language": "eo"}}, {}, "'eo', which whisper-base does not hear"),
        ({"asr": {"language": "gsw-CH"}}, {}, "'gsw-CH', which whisper-base does not hear"),
        ({}, {"asr": {"language": "tlh"}}, "asr.language of worker.yaml is 'tlh'"),
        (
            {"asr": {"language": "de"}},
            {"asr": {"model": "whisper-tiny-en"}},
            "whisper-tiny-en does not hear: it hears en",
        ),
        ({}, {"asr": {"model": "qwen2.5-0.5b-instruct"}}, "is a language model of llama.cpp"),
        ({}, {"asr": {"model": "hibari-en-us"}}, "recognition: "),
        ({"tts": {"default_model": "piper-fr-fr-siwis-low"}}, {}, "the worker loads piper-en-us"),
        ({}, {"tts": {"default_model": "piper-en-us-lessac-medium"}}, "piper-en-us-lessac-medium"),
        (
            {"tts": {"default_model": "whisper-base"}},
            {"tts": {"default_model": "whisper-base"}},
            "whisper-base is for recognition of whisper, not what piper runs",
        ),
        ({}, {"tts": {"adapter": "hibari"}}, "not what hibari runs"),
        ({}, {"tts": {"adapter": "kokoro"}}, "not what kokoro runs"),
        ({"asr": {"discovery": "redis"}}, {}, "asr.discovery is redis, but redis.url is empty"),
        ({"sessions": {"store": "redis"}}, {}, "SESSIONS_URL"),
        ({"sessions": {"url": "oracle://me:hunter2@host/db"}}, {}, "SESSIONS_URL"),
        ({}, {"tts": {"host": "0.0.0.0"}}, "beyond this machine"),
        (
            {"livekit": {"url": "ws://127.0.0.1:9", "api_key": "k", "api_secret": SECRET}},
            {},
            "LIVEKIT_URL",
        ),
        ({"livekit": {"api_key": "k", "api_secret": "ü" * 40}}, {}, "plain letters"),
    ],
)
def test_what_cannot_work_is_a_problem(
    folders: Path, orchestrator: dict[str, Any], worker: dict[str, Any], told: str
) -> None:
    configuration = configured(folders, orchestrator, worker)
    problems = found(check_setup(configuration), Level.PROBLEM)
    assert told in problems
    assert "hunter2" not in problems
    with pytest.raises(ConfigurationError) as refused:
        refuse_problems(check_setup(configuration))
    assert str(refused.value) == problems


@pytest.mark.parametrize(
    ("included", "level"),
    [
        (["eth99"], Level.PROBLEM),
        (["wlan77", "docker55"], Level.PROBLEM),
        (["lo", "tun42"], Level.WARNING),
    ],
)
def test_an_interface_that_is_not_there_is_named_with_those_that_are(
    folders: Path, included: list[str], level: Level
) -> None:
    configuration = configured(folders, livekit={"rtc": {"interfaces": {"includes": included}}})
    told = found(check_setup(configuration), level)
    assert included[-1] in told and ": name interfaces of this machine" in told and "lo" in told


@pytest.mark.parametrize("discoveries", [("redis", "static"), ("static", "redis"), ("redis",) * 2])
def test_a_redis_that_is_away_is_a_problem_unless_workers_are_remembered(
    folders: Path, discoveries: tuple[str, str]
) -> None:
    tts, asr = discoveries
    url = f"redis://:hunter2@127.0.0.1:{free_ports(1)[0]}/0"
    configuration = configured(
        folders,
        {"tts": {"discovery": tts}, "asr": {"discovery": asr}, "redis": {"url": url}},
        {"redis": {"url": url}},
    )
    problems = found(check_setup(configuration), Level.PROBLEM)
    assert "REDIS_URL" in problems and "hunter2" not in problems
    for kind in ("synthesis", "recognition"):
        lease = Lease(worker_id="w", kind=kind, target="127.0.0.1:1")  # type: ignore[arg-type]
        LastKnown(folders / "state" / "discovery" / f"{kind}.json").write({"w": lease})
    assert found(check_setup(configuration), Level.PROBLEM) == ""
    assert "does not answer" in found(check_setup(configuration), Level.WARNING)


@pytest.mark.parametrize(
    ("language", "agent", "told"),
    [
        ("fr", CheckedAgent("a", None, "piper-fr-fr-siwis-low"), "no rules of spoken text"),
        ("en", CheckedAgent("a", None, "piper-de-de-kerstin-low"), "its voice speaks German"),
        ("en", CheckedAgent("a", "de", None), "recognition listens for English"),
        ("de", CheckedAgent("a", None, None), "speaks German, but its voice speaks English"),
    ],
)
def test_languages_that_do_not_go_together_are_said(
    folders: Path, language: str, agent: CheckedAgent, told: str
) -> None:
    configuration = configured(folders, {"asr": {"language": language}})
    assert told in found(check_setup(configuration, [agent]), Level.WARNING)


@pytest.mark.parametrize("voice", ["piper-en-us-nobody-low", "whisper-base", "hibari-nobody"])
def test_an_agents_own_voice_that_is_none_is_a_problem(folders: Path, voice: str) -> None:
    agents = [CheckedAgent("desk", None, None), CheckedAgent("workshop", None, voice)]
    told = found(check_setup(configured(folders), agents), Level.PROBLEM)
    assert told.startswith("voice of workshop: ") and voice in told


def _a_file(place: Path) -> Path:
    place.write_text("")
    return place


def _a_dead_link(place: Path) -> Path:
    place.symlink_to(place.with_name("gone"))
    return place


def _a_circle(place: Path) -> Path:
    place.symlink_to(place)
    return place / "below"


@pytest.mark.parametrize("variable", ["PARLEY_STATE_DIR", "PARLEY_CACHE_DIR"])
@pytest.mark.parametrize(
    "made",
    [
        _a_file,
        _a_dead_link,
        _a_circle,
        lambda place: _a_file(place) / "below" / "it",
        lambda place: place / ("y" * 300),
    ],
)
def test_a_folder_that_cannot_be_one_is_a_problem(
    folders: Path, monkeypatch: pytest.MonkeyPatch, variable: str, made: Callable[[Path], Path]
) -> None:
    monkeypatch.setenv(variable, str(made(folders / "place")))
    (folders / "configs").mkdir()
    told = found(check_folders(), Level.PROBLEM)
    assert f"set {variable} to a folder that can be written" in told


@pytest.mark.parametrize(
    ("name", "is_folder"),
    [("keys.env", True), ("sessions.db", True), ("metrics", False), ("discovery", False)],
)
def test_what_lies_where_parley_keeps_something_else_is_named(
    folders: Path, name: str, is_folder: bool
) -> None:
    (folders / "configs").mkdir()
    place = folders / "state" / name
    place.parent.mkdir()
    place.mkdir() if is_folder else place.write_text("x")
    assert f"{place} is no" in found(check_folders(), Level.PROBLEM)


@pytest.mark.parametrize("content", [b"not a database at all", b"\0" * 64, b"SQLite format 2\0"])
def test_a_file_of_sessions_that_is_no_database_is_named(folders: Path, content: bytes) -> None:
    (folders / "configs").mkdir()
    (folders / "state").mkdir()
    (folders / "state" / "sessions.db").write_bytes(content)
    assert "no SQLite database" in found(check_folders(), Level.PROBLEM)
    configuration = configured(
        folders, {"sessions": {"url": f"sqlite:///{folders}/state/sessions.db"}}
    )
    assert "no SQLite database" in found(check_setup(configuration), Level.PROBLEM)


@pytest.mark.parametrize(
    ("orchestrator", "worker"),
    [
        ({"server": {"port": 18090}, "llm": {"local_port": 18090}}, {}),
        ({"server": {"health_check_port": 18090}}, {"asr": {"metrics_port": 18090}}),
        ({}, {"tts": {"port": 18090}, "asr": {"port": 18090, "host": ""}}),
        ({"tts": {"workers": 2}}, {"tts": {"port": 18080}, "asr": {"port": 18090}}),
    ],
)
def test_two_settings_of_one_port_are_both_named(
    folders: Path, orchestrator: dict[str, Any], worker: dict[str, Any]
) -> None:
    worker = {**worker, "tls": {"insecure": True}}
    configuration = configured(folders, orchestrator, worker)
    parts = local_parts(configuration, keys=LiveKitKeys("", ""), livekit_server=None)
    with pytest.raises(SupervisorError, match=r"port 18090 is both .* and .*: give one of them"):
        check_ports(parts)


@pytest.mark.parametrize("command", ["status", "logs", "down"])
@pytest.mark.parametrize("made", [_a_file, lambda place: _a_file(place) / "below"])
def test_other_commands_say_in_a_sentence_that_the_state_folder_is_none(
    folders: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    made: Callable[[Path], Path],
) -> None:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(made(folders / "place")))
    assert cli.main([command]) in (1, 2)
    told = capsys.readouterr().err
    assert told.startswith("parley: ") and len(told.splitlines()) == 1


@pytest.mark.parametrize("fault", ["config", "state", "voice", "port", "file"])
def test_up_refuses_what_doctor_calls_a_problem(
    folders: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: str,
) -> None:
    monkeypatch.setenv("PARLEY_CACHE_DIR", str(folders / "cache"))
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        changes: dict[str, dict[str, Any]] = {
            "voice": {"tts": {"default_model": "piper-nowhere"}},
            "port": {"server": {"port": holder.getsockname()[1]}},
        }
        configs = write_config(folders / "configs", orchestrator=changes.get(fault))
        if fault == "config":
            monkeypatch.setenv("PARLEY_CONFIG_DIR", str(folders / "nowhere"))
        elif fault == "state":
            monkeypatch.setenv("PARLEY_STATE_DIR", str(_a_file(folders / "state")))
        elif fault == "file":
            (configs / "livekit.yaml").write_text("port: 99999999\n")
        assert cli.main(["doctor", "--json"]) == 1
        findings = json.loads(capsys.readouterr().out)["findings"]
        problems = [f["detail"] for f in findings if f["level"] == "problem"]
        assert cli.main(["up"]) in (1, 2)
    told = capsys.readouterr().err
    assert told.startswith("parley: ") and "Traceback" not in told
    assert any(detail.splitlines()[0] in told for detail in problems)
    assert not (folders / "cache").exists() or not list((folders / "cache").iterdir())
