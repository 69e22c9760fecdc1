"""`./run up --detach` to `./run down`, with Parley's real parts."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import urlopen

import pytest

from parley import paths
from parley.probe import why_not_ready
from testkit.isolated_config import free_ports, write_config

pytestmark = pytest.mark.servers

START_WITHIN_S = 280


class Command:
    """`./run` of this checkout, with a configuration and a state of its own."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.configs = write_config(folder / "configs")
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(paths.repository()),
            "PARLEY_CONFIG_DIR": str(self.configs),
            "PARLEY_STATE_DIR": str(self.state),
            # An LLM elsewhere, which nobody asks here, and no ASR: fewer parts to wait for.
            "OPENAI_BASE_URL": f"http://127.0.0.1:{free_ports(1)[0]}/v1",
            "ASR_ENABLED": "false",
        }

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "cli.main", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=START_WITHIN_S,
            check=False,
        )

    def status(self) -> dict[str, dict[str, object]]:
        document = json.loads(self("status", "--json").stdout)
        return {part["name"]: part for part in document["parts"]}


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    command = Command(tmp_path_factory.mktemp("up"))
    yield command
    command("down")


@pytest.fixture(scope="module")
def up(command: Command) -> subprocess.CompletedProcess[str]:
    """Three at once: one of them wins, and nothing is the worse for the others."""
    with ThreadPoolExecutor() as at_once:
        runs = list(at_once.map(lambda _: command("up", "--detach"), range(3)))
    done, *others = sorted(runs, key=lambda run: "already" in run.stdout + run.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    for other in others:
        assert "already" in other.stdout + other.stderr or "port" in other.stderr, other
    return done


@pytest.mark.timeout(START_WITHIN_S)
def test_up_returns_once_all_is_ready_and_prints_the_page(
    command: Command, up: subprocess.CompletedProcess[str]
) -> None:
    page = next(word for word in up.stdout.split() if word.startswith("http://"))
    assert urlopen(page, timeout=5).status == 200
    parts = command.status()
    assert list(parts) == ["livekit", "tts", "agent", "gateway"]
    for name, part in parts.items():
        assert part["state"] == "ready", part
        assert f"{name} " in up.stdout
        assert str(part["pid"]) in up.stdout
    assert "./run down" in up.stdout


def test_the_log_of_the_one_that_won_is_whole(
    command: Command, up: subprocess.CompletedProcess[str]
) -> None:
    log = (command.state / "logs" / "supervisor.log").read_text()
    for name in ("livekit", "tts", "agent", "gateway"):
        assert f"{name}: ready" in log
    assert "all parts are ready" in log
    assert "\x00" not in log


def test_a_language_model_elsewhere_that_is_away_hinders_nothing_and_is_told(
    command: Command, up: subprocess.CompletedProcess[str]
) -> None:
    assert "warning: the language model: " in up.stdout
    assert "cannot be reached" in " ".join(up.stdout.split())
    document = json.loads(command("status", "--json").stdout)
    assert document["llm"]["level"] == "problem"
    status = command("status")
    assert status.returncode == 1  # nobody would be answered
    shown = status.stdout
    assert "Parley is not well" in shown
    assert "llm" in shown and "not answering" in shown


def test_restart_stops_it_and_starts_it_anew(
    command: Command, up: subprocess.CompletedProcess[str]
) -> None:
    before = command.status()
    restarted = command("restart")
    assert restarted.returncode == 0, restarted.stderr
    after = command.status()
    assert {part["state"] for part in after.values()} == {"ready"}
    assert all(after[name]["pid"] != before[name]["pid"] for name in before)


def test_a_second_up_says_that_it_runs_and_starts_nothing(
    command: Command, up: subprocess.CompletedProcess[str]
) -> None:
    before = command.status()
    again = command("up")
    assert again.returncode == 0
    assert "Parley is running already" in again.stdout
    assert {n: p["pid"] for n, p in command.status().items()} == {
        n: p["pid"] for n, p in before.items()
    }


def test_a_part_has_no_secret_of_another(
    command: Command, up: subprocess.CompletedProcess[str]
) -> None:
    names = {
        name: {
            entry.split("=", 1)[0]
            for entry in Path(f"/proc/{part['pid']}/environ").read_text().split("\0")
        }
        for name, part in command.status().items()
    }
    assert "LIVEKIT_KEYS" in names["livekit"]
    assert {"LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"} <= names["agent"] & names["gateway"]
    assert not any("LIVEKIT" in name or "OPENAI" in name for name in names["tts"])
    assert not any("API" in name for name in names["livekit"])
    assert "OPENAI_BASE_URL" in names["agent"] & names["gateway"]  # who answer
    assert not any("OPENAI" in name for name in names["livekit"])
    keys = Path(command.configs.parent / "state" / "keys.env")
    assert keys.stat().st_mode & 0o777 == 0o600


@pytest.mark.timeout(START_WITHIN_S)
def test_a_killed_part_is_started_again_and_status_counts_it(
    command: Command, up: subprocess.CompletedProcess[str]
) -> None:
    gateway = command.status()["gateway"]
    assert isinstance(gateway["pid"], int)
    os.kill(gateway["pid"], signal.SIGKILL)
    while (now := command.status()["gateway"])["restarts"] == 0 or now["state"] != "ready":
        assert now["state"] != "failed", now
    assert now["pid"] != gateway["pid"]
    logs = command("logs", "supervisor")
    assert "gateway has died: killed by SIGKILL" in logs.stdout


def test_up_elsewhere_names_the_port_and_who_holds_it(
    command: Command, up: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    other = Command(tmp_path)
    mine = command.configs / "orchestrator.yaml"
    (other.configs / "orchestrator.yaml").write_text(mine.read_text())
    (other.configs / "livekit.yaml").write_text((command.configs / "livekit.yaml").read_text())
    for arguments in (("up",), ("up", "--detach")):
        done = other(*arguments)
        assert done.returncode == 1
        gateway = command.status()["gateway"]
        ports = gateway["ports"]
        assert isinstance(ports, list)
        assert f"port {ports[0]} (gateway) is in use by PID {gateway['pid']} (" in done.stderr


@pytest.mark.timeout(START_WITHIN_S)
def test_down_leaves_nothing_that_answers(
    command: Command, up: subprocess.CompletedProcess[str]
) -> None:
    parts = command.status()
    down = command("down")
    assert (down.returncode, down.stdout) == (0, "Parley has stopped.\n")
    assert not any(Path(f"/proc/{part['pid']}").exists() for part in parts.values())
    for part in parts.values():
        ports = part["ports"]
        assert isinstance(ports, list)
        assert why_not_ready(f"http://127.0.0.1:{ports[0]}/") is not None
    assert command("status").returncode == 1


def test_a_configuration_that_cannot_work_ends_up_with_its_reason(tmp_path: Path) -> None:
    command = Command(tmp_path)
    (command.configs / "worker.yaml").write_text("tts:\n  slots: none\n")
    for arguments in (("up",), ("up", "--detach")):
        done = command(*arguments)
        assert done.returncode == 2
        assert "worker.yaml:2: tts.slots:" in done.stderr
        assert "Traceback" not in done.stderr
