"""The doctor names what is wrong, says what to do, and touches nothing."""

import http.server
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import main as cli
from testkit.isolated_config import write_config

Findings = dict[str, dict[str, str]]


@pytest.fixture
def configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of its own on free ports, with no network to ask."""
    monkeypatch.setenv("PARLEY_CONFIG_DIR", str(write_config(tmp_path / "configs")))
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    return tmp_path / "configs"


def examine(capsys: pytest.CaptureFixture[str]) -> tuple[int, Findings]:
    status = cli.main(["doctor", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] == (status == 0)
    return status, {finding["subject"]: finding for finding in document["findings"]}


def test_a_machine_where_nothing_runs_has_its_ports_free_and_is_left_untouched(
    configs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, findings = examine(capsys)
    ports = [subject for subject in findings if subject.startswith("port ")]
    assert len(ports) == 9
    assert {findings[port]["level"] for port in ports} == {"ok"}
    assert findings["Python"]["level"] == "ok"
    assert findings["LLM"]["detail"].startswith("on this machine")
    assert not (configs.parent / "state").exists()


def test_a_port_in_use_is_named_with_who_holds_it(
    configs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        file = configs / "orchestrator.yaml"
        file.write_text(f"server:\n  port: {port}\n")
        status, findings = examine(capsys)
    found = findings[f"port {port}"]
    assert status == 1
    assert f"port {port} (gateway) is in use by PID {os.getpid()}" in found["detail"]
    assert "server.port" in found["remedy"]


def test_a_malformed_file_is_a_problem_and_the_rest_is_still_examined(
    configs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (configs / "worker.yaml").write_text("tts:\n  slotz: 2\n")
    status, findings = examine(capsys)
    assert status == 1
    assert findings["configs/worker.yaml"]["level"] == "problem"
    assert "worker.yaml:2: unknown key 'tts.slotz'" in findings["configs/worker.yaml"]["detail"]
    assert findings["configs/orchestrator.yaml"]["level"] == "ok"


def test_a_missing_network_is_a_problem_only_while_something_is_missing(
    configs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PARLEY_CACHE_DIR", str(tmp_path / "empty"))
    status, findings = examine(capsys)
    assert findings["model whisper-base"]["level"] == "warning"
    assert findings["network"]["level"] == "problem"
    assert status == 1


def test_a_voice_that_does_not_exist_is_a_problem(
    configs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEFAULT_MODEL", "piper-xx-nobody")
    status, findings = examine(capsys)
    assert status == 1
    assert "piper-xx-nobody" in findings["model piper-xx-nobody"]["detail"]


def test_half_a_pair_of_keys_is_a_problem(
    configs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIVEKIT_API_KEY", "key")
    status, findings = examine(capsys)
    assert status == 1
    assert "LIVEKIT_API_SECRET is not set" in findings["LiveKit keys"]["detail"]


def test_workers_that_the_agent_does_not_ask_are_noticed(
    configs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (configs / "orchestrator.yaml").write_text("tts:\n  worker_address: 127.0.0.1:1\n")
    _, findings = examine(capsys)
    assert findings["tts worker"]["level"] == "warning"
    assert "tts.port" in findings["tts worker"]["remedy"]


class _Api(http.server.BaseHTTPRequestHandler):
    """An OpenAI-compatible API as far as listing models: the key is `right`."""

    def do_GET(self) -> None:
        is_right = self.headers["Authorization"] == "Bearer right" and self.path == "/v1/models"
        self.send_response(200 if is_right else 401)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Api) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


@pytest.mark.parametrize(("key", "level"), [("right", "ok"), ("wrong", "problem")])
def test_the_key_of_an_llm_api_is_tried_and_never_shown(
    configs: Path,
    api: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    key: str,
    level: str,
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", api)
    monkeypatch.setenv("OPENAI_API_KEY", key)
    _, findings = examine(capsys)
    assert findings["LLM"]["level"] == level
    assert key not in findings["LLM"]["detail"] + findings["LLM"]["remedy"]


def test_an_llm_api_that_is_not_there_is_a_problem(
    configs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    status, findings = examine(capsys)
    assert status == 1
    assert "cannot be reached" in findings["LLM"]["detail"]


def test_the_table_names_the_remedy_of_each_problem(
    configs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIVEKIT_API_KEY", "key")
    assert cli.main(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert "✗" in shown
    assert "→ set LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or neither" in " ".join(shown.split())
