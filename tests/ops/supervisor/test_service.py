"""A whole run as its own process: signals, the record, and what is left behind (nothing)."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli import main as cli
from ops.supervisor.part import Part
from ops.supervisor.record import RecordFile, StackRecord, await_leftovers, the_only_supervisor
from ops.supervisor.service import Service
from parley import paths
from parley.errors import SupervisorError
from tests.ops.supervisor.small_parts import processes_with

pytestmark = pytest.mark.servers

SERVICE = Path(__file__).with_name("small_service.py")
END_WITHIN_S = 20


@dataclass
class Running:
    process: subprocess.Popen[str]
    state_dir: Path
    marker: str

    @property
    def record(self) -> StackRecord:
        record = RecordFile(self.state_dir).read()
        assert record is not None
        return record


@contextmanager
def two_small_parts(state_dir: Path) -> Iterator[Running]:
    """Two small parts, one with a runaway child, under a supervisor in a session of its own."""
    marker = f"parley-{uuid.uuid4().hex}"
    process = subprocess.Popen(
        [sys.executable, SERVICE, state_dir, marker],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(paths.repository())},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield Running(process, state_dir, marker)
    process.kill()
    process.wait()
    process.stdout.close()
    await_leftovers(RecordFile(state_dir).read(), within_s=END_WITHIN_S)


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A run of the test's own, to be ended by it."""
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path))
    with two_small_parts(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def long_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with two_small_parts(tmp_path_factory.mktemp("long")) as running:
        yield running


@pytest.fixture
def shared(long_running: Running, monkeypatch: pytest.MonkeyPatch) -> Running:
    """A run that tests look at and leave as it is."""
    monkeypatch.setenv("PARLEY_STATE_DIR", str(long_running.state_dir))
    return long_running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_process_group_ends_all_and_leaves_no_process(
    running: Running, number: signal.Signals
) -> None:
    assert len(processes_with(running.marker)) >= 5
    os.killpg(running.process.pid, number)
    assert running.process.wait(END_WITHIN_S) == 0
    assert processes_with(running.marker) == []


def test_a_second_ctrl_c_does_not_wait_for_a_part_that_hangs(running: Running) -> None:
    hanging = running.record.parts[1].pid
    assert hanging is not None
    os.kill(hanging, signal.SIGSTOP)
    os.kill(running.process.pid, signal.SIGINT)
    os.kill(running.process.pid, signal.SIGTERM)  # two of a kind might arrive as one
    running.process.wait(END_WITHIN_S)
    assert processes_with(running.marker) == []


def test_a_killed_supervisor_leaves_no_process_either(running: Running) -> None:
    record = running.record
    running.process.kill()
    running.process.wait()
    await_leftovers(record, within_s=END_WITHIN_S)
    assert processes_with(running.marker) == []


def test_down_stops_it_and_returns_after_its_end(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["down"]) == 0
    assert capsys.readouterr().out == "Parley has stopped.\n"
    assert processes_with(running.marker) == []
    assert cli.main(["down"]) == 0
    assert capsys.readouterr().out == "Parley is not running.\n"


def test_down_never_ends_a_process_that_has_the_old_pid(
    shared: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    record = shared.record
    recycled = record.supervisor.model_copy(update={"started_ticks": 1})
    RecordFile(shared.state_dir).write(
        record.model_copy(update={"supervisor": recycled, "parts": ()})
    )
    assert cli.main(["down"]) == 0
    assert capsys.readouterr().out == "Parley is not running.\n"
    assert shared.process.poll() is None
    RecordFile(shared.state_dir).write(record)


def test_status_tells_pid_port_and_memory_of_each_part(
    shared: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["status", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert [part["name"] for part in status["parts"]] == ["livekit", "agent"]
    for part in status["parts"]:
        assert part["state"] == "ready"
        assert part["pid"] in processes_with(shared.marker)
        assert part["memory_mb"] > 1
        assert len(part["ports"]) == 1
    assert cli.main(["status"]) == 0
    assert shared.record.page_url in capsys.readouterr().out


def test_status_fails_when_a_part_no_longer_answers(
    shared: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    hanging = shared.record.parts[0].pid
    assert hanging is not None
    os.kill(hanging, signal.SIGSTOP)
    assert cli.main(["status", "--json"]) == 1
    livekit, agent = json.loads(capsys.readouterr().out)["parts"]
    assert (livekit["state"], agent["state"]) == ("not answering", "ready")
    assert "timed out" in livekit["detail"]
    os.kill(hanging, signal.SIGCONT)


def test_status_and_logs_of_nothing_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path))
    assert cli.main(["status"]) == 1
    assert capsys.readouterr().out == "Parley is not running\n./run up starts it\n"
    assert cli.main(["logs", "tts"]) == 1
    assert "there are no logs yet: ./run up starts Parley" in capsys.readouterr().err


def test_logs_of_one_part_and_of_all(shared: Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["logs", "agent", "-n", "1"]) == 0
    assert capsys.readouterr().out == "serving\n"
    assert cli.main(["logs"]) == 0
    assert capsys.readouterr().out == "agent      | serving\nlivekit    | serving\n"
    assert cli.main(["logs", "agnet"]) == 1
    assert "there are those of agent, livekit" in capsys.readouterr().err


def test_why_a_start_failed_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path))

    def refuse() -> list[Part]:
        raise SupervisorError("port 7880 (livekit) is in use")

    service = Service(tmp_path, "", refuse, on_change=lambda _: None, on_ready=lambda _: None)
    with pytest.raises(SupervisorError):
        service.run()
    assert cli.main(["status"]) == 1
    assert "its last run failed: port 7880 (livekit) is in use" in capsys.readouterr().out


def test_only_one_supervisor_has_the_place(shared: Running) -> None:
    with pytest.raises(SupervisorError, match="already"), the_only_supervisor(shared.state_dir):
        pass
