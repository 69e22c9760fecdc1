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
    assert len(ports) == 10
    assert {findings[port]["level"] for port in ports} == {"ok"}
    assert findings["Python"]["level"] == "ok"
    assert "on this machine" in findings["LLM"]["detail"]
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
    assert findings["model moonshine-base-en"]["level"] == "warning"
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
    """An OpenAI-compatible API: the key is `right`, and the model is the URL's first part."""

    def do_GET(self) -> None:
        is_right = self.headers["Authorization"] == "Bearer right"
        names = [n for n in self.path.split("/")[1].split(",") if n]
        if not self.path.endswith("/v1/models"):
            self._answer(404, {})
        elif not is_right:
            self._answer(401, {"error": {"message": f"bad {self.headers['Authorization']}"}})
        else:
            self._answer(200, {"data": [{"id": name} for name in names]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert asked["max_tokens"] == 1
        if asked["model"].startswith("status-"):
            self._answer(int(asked["model"].removeprefix("status-")), {"error": {"message": "no"}})
        elif asked["model"] not in self.path:
            said = f"{asked['model']} is not a valid model ID"
            self._answer(400, {"error": {"message": said}})
        else:
            self._answer(200, {"choices": []})

    def _answer(self, status: int, body: object) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Api) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("offered", "key", "model", "level", "told"),
    [
        ("one", "right", "one", "ok", "one at"),
        ("one", "right", "", "warning", "answers, but LLM_MODEL is not set"),
        ("one,two", "right", "two", "ok", "answers"),
        ("one", "wrong-key-9", "", "problem", "refuses the key (401)"),
        ("one,two", "right", "", "problem", "offers one, two"),
        ("one,two", "right", "three", "problem", "does not know the model three"),
        ("one", "right", "status-404", "problem", "does not know the model"),
        ("one", "right", "status-403", "problem", "refuses the key (403)"),
        ("one", "right", "status-402", "problem", "wants to be paid"),
        ("one", "right", "status-503", "warning", "answers 503"),
    ],
)
def test_an_llm_api_is_asked_as_a_call_would_and_the_key_never_shown(  # noqa: PLR0917
    configs: Path,
    api: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    offered: str,
    key: str,
    model: str,
    level: str,
    told: str,
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{api}/{offered}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", key)
    monkeypatch.setenv("LLM_MODEL", model)
    _, findings = examine(capsys)
    found = findings["LLM"]
    assert found["level"] == level and told in found["detail"]
    assert "wrong-key-9" not in found["detail"] + found["remedy"]


def test_a_server_without_a_list_of_models_is_asked_all_the_same(
    configs: Path, api: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{api}/one/v2")
    monkeypatch.setenv("LLM_MODEL", "one")
    _, findings = examine(capsys)
    assert findings["LLM"]["level"] == "ok"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OPENAI_BASE_URL", "127.0.0.1:11434/v1"),
        ("OPENAI_API_KEY", "very-secret\n"),
        ("OPENAI_API_KEY", "very-secret-🎉"),
    ],
)
def test_an_address_without_a_scheme_and_a_key_that_is_none_are_one_sentence(
    configs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    value: str,
) -> None:
    monkeypatch.setenv(variable, value)
    status, findings = examine(capsys)
    found = findings["configs/orchestrator.yaml"]
    assert status == 1 and variable in found["detail"]
    assert "very-secret" not in json.dumps(findings)


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
