"""Every command of `./run help`: its help, a wrong argument, nothing running, Ctrl-C.

The tables name each command, so that a new one is tried, or says why it is not.
"""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from caller.recordings import SPEECH, sound_files
from cli import main as cli
from cli.usage import parser_of
from parley import paths
from parley.settings.port_offset import PORT_OFFSET
from testkit.isolated_config import write_config

CLIP = str(sound_files(SPEECH)[0])
EVAL = "conversations:\n  - turns:\n      - say: Hello?\n"
WRONG = "--no-such-option"
ENDS_WITHIN_S = 60
SILENT = "{silent}"
"""In arguments: the address of a server that takes connections and says nothing."""


@dataclass(frozen=True)
class Tried:
    """`said` is a pattern of what it prints, on standard output where it ends with 0."""

    arguments: tuple[str, ...]
    status: int
    said: str


WITHOUT_A_STACK: dict[str, Tried | str] = {
    "up": Tried(("--app", "gone.py"), 2, "gone.py.*there is no such file"),
    "down": Tried((), 0, "Parley is not running"),
    "restart": Tried(("--app", "gone.py"), 2, "gone.py.*there is no such file"),
    "orchestrator": Tried(("--config", "gone.yaml"), 2, "gone.yaml: there is no such file"),
    "status": Tried((), 1, "Parley is not running\n./run up starts it"),
    "top": Tried(("--once",), 1, "no agent answers at .*: ./run status says what runs here"),
    "logs": Tried((), 1, "there are no logs yet: ./run up starts Parley"),
    "doctor": Tried(("--json",), 0, '"ok": (true|false)'),
    "chat": Tried(("--app", "gone.py"), 2, "gone.py.*there is no such file"),
    "eval": Tried(("eval.yaml",), 1, "does not answer"),
    "call": Tried((CLIP,), 1, "the gateway at .* does not answer .*: is ./run up running?"),
    "calls": Tried((), 0, "there are no records"),
    "recover": Tried(("s.1", "--config", "gone.yaml"), 2, "gone.yaml: there is no such file"),
    "replay": Tried(("gone",), 2, "gone.* cannot be read"),
    "say": Tried(("Hello.",), 1, r"nothing listens there\): ./run up starts workers"),
    "voices": Tried((), 1, "nothing listens there: ./run up starts workers"),
    "transcribe": Tried((CLIP,), 1, "start a worker with ./run up"),
    "load": Tried((), 1, "the gateway at .* does not answer .*: is ./run up running?"),
    "bench": Tried(("tss",), 2, "no benchmark is called 'tss'; did you mean tts?"),
    "chaos": Tried(("gone",), 2, "no case is called 'gone'"),
    "test": "checks the repository; what it does not know goes to pytest",
    "keys": Tried(("list",), 0, "There are no keys: `./run keys create NAME` makes one"),
    "secrets": Tried(("--domain", "not a name"), 2, "--domain is 'not a name': expected"),
    "backup": Tried(("--to", "backups"), 0, "wrote backups/parley-machine-"),
    "restore": Tried(("gone.tar.gz",), 1, "gone.tar.gz"),
    "completion": Tried(("bash",), 0, "complete .* run"),
    "lock": "writes files of the repository, and asks nothing that runs",
    "proto": "writes files of the repository, and asks nothing that runs",
    "docs": "writes files of the repository, and asks nothing that runs",
    "monitoring": "writes files of the repository, and asks nothing that runs",
}

AT_CTRL_C: dict[str, Tried | str] = {
    "up": "tests/ops/supervisor/test_service.py",
    "down": "ends by itself",
    "restart": "down and up",
    "orchestrator": "tests/gateway/orchestrate",
    "status": "ends by itself",
    "top": Tried(("--agent", f"http://{SILENT}"), 0, ""),
    "logs": Tried(("-f",), 130, ""),
    "doctor": "ends by itself",
    "chat": "tests/cli/test_chat.py",
    "eval": Tried(("eval.yaml",), 130, ""),
    "call": Tried((CLIP, "--gateway", f"http://{SILENT}"), 130, "the call was interrupted"),
    "calls": "ends by itself",
    "recover": "as orchestrator, which it starts a part of",
    "replay": "ends by itself",
    "say": Tried(("Hello.",), 130, ""),
    "voices": "ends by itself",
    "transcribe": Tried((CLIP,), 130, ""),
    "load": "tests/bench/test_load.py",
    "bench": "each benchmark's own",
    "chaos": "tests/chaos/test_chaos.py",
    "test": "pytest's own",
    "keys": "ends by itself",
    "secrets": "ends by itself",
    "backup": "ends by itself, and has its name only once it is whole",
    "restore": "ends by itself",
    "completion": "ends by itself",
    "lock": "uv's own",
    "proto": "ends by itself",
    "docs": "ends by itself",
    "monitoring": "ends by itself",
}


def tried(table: dict[str, Tried | str]) -> list[tuple[str, Tried]]:
    return [(name, how) for name, how in table.items() if isinstance(how, Tried)]


@dataclass(frozen=True)
class Elsewhere:
    """A folder that is no checkout, in which nothing runs."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        try:
            status = cli.main(list(arguments))
        except SystemExit as ended:
            assert isinstance(ended.code, int)
            status = ended.code
        return status, *self.capsys.readouterr()


@pytest.fixture
def elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Elsewhere:
    folder = tmp_path / "another folder"
    folder.mkdir()
    (folder / "eval.yaml").write_text(EVAL)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("PARLEY_CONFIG_DIR", str(write_config(tmp_path / "configs")))
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")  # the doctor asks it
    # Commands set these for what they start.
    for variable in ("PARLEY_APP", "PARLEY_CALLED_FROM", "ORCHESTRATOR_CONFIG_PATH", PORT_OFFSET):
        monkeypatch.setenv(variable, "")
    return Elsewhere(folder, capsys)


def test_every_command_is_in_the_tables() -> None:
    assert list(WITHOUT_A_STACK) == list(AT_CTRL_C) == list(cli.COMMANDS)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_of_a_command(name: str, elsewhere: Elsewhere) -> None:
    status, out, err = elsewhere(name, "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"usage: ./run {name}")
    assert parser_of(cli.COMMANDS[name]).prog == f"./run {name}"


@pytest.mark.parametrize("name", [name for name in cli.COMMANDS if name != "test"])
def test_a_wrong_argument_is_one_line_in_the_one_grammar(name: str, elsewhere: Elsewhere) -> None:
    status, out, err = elsewhere(name, WRONG)
    assert (status, out) == (2, "")
    assert re.fullmatch(r"parley: [^A-Z\n][^\n]*\n", err), err
    assert name == "bench" or err.endswith(f"; ./run {name} --help says more\n")


@pytest.mark.parametrize(("name", "how"), tried(WITHOUT_A_STACK))
def test_without_a_stack(name: str, how: Tried, elsewhere: Elsewhere) -> None:
    status, out, err = elsewhere(name, *how.arguments)
    # What the doctor finds is the machine's.
    assert status == how.status or (name == "doctor" and status == 1), err
    assert re.search(how.said, out + err, re.DOTALL), (out, err)
    assert "Traceback" not in out + err
    if how.status and not out:
        assert err.rstrip("\n").split("\n")[-1].startswith("parley: "), err


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Where this process has SIGINT ignored, those that it starts would have it so, too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.servers
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(("name", "how"), tried(AT_CTRL_C))
def test_ctrl_c(name: str, how: Tried, tmp_path: Path) -> None:
    logs = tmp_path / "state" / "logs"
    logs.mkdir(parents=True)
    (logs / "agent.log").write_text("ready\n")
    (tmp_path / "eval.yaml").write_text(EVAL)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(ENDS_WITHIN_S)
        with _running(tmp_path, silent, name, how.arguments) as process:
            if name == "logs":
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                asked = None
            else:
                asked, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=ENDS_WITHIN_S)
            if asked is not None:
                asked.close()
    assert process.returncode == how.status, err
    assert "Traceback" not in out + err
    assert how.said in out + err


@contextmanager
def _running(
    folder: Path, silent: socket.socket, name: str, arguments: tuple[str, ...]
) -> Iterator[subprocess.Popen[str]]:
    """The command, whose model, workers and gateway are a server that never says a word."""
    address = f"127.0.0.1:{silent.getsockname()[1]}"
    configs = write_config(
        folder / "configs",
        orchestrator={
            "llm": {"base_url": f"http://{address}/v1", "api_key": "k", "model": "m"},
            "tts": {"worker_address": address},
            "asr": {"worker_address": address},
        },
    )
    process = subprocess.Popen(
        [
            *(sys.executable, "-P", "-m", "cli.main", name),
            *(each.replace(SILENT, address) for each in arguments),
        ],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(paths.repository()),
            "PARLEY_CONFIG_DIR": str(configs),
            "PARLEY_STATE_DIR": str(folder / "state"),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.kill()


# ---- one number for all ports ------------------------------------------------------------------


def test_a_command_finds_what_runs_at_the_offset_it_was_started_with(
    elsewhere: Elsewhere, tmp_path: Path
) -> None:
    settings = yaml.safe_load((tmp_path / "configs" / "orchestrator.yaml").read_text())
    port = settings["server"]["port"]
    service = paths.repository() / "tests" / "ops" / "supervisor" / "small_service.py"
    with subprocess.Popen(
        [sys.executable, service, os.environ["PARLEY_STATE_DIR"], "parley-offset"],
        env={**os.environ, "PYTHONPATH": str(paths.repository()), PORT_OFFSET: "300"},
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        assert os.environ[PORT_OFFSET] == ""
        status, _, err = elsewhere("call", CLIP)
        assert status == 1
        assert f"the gateway at http://127.0.0.1:{port + 300} does not answer" in err
        assert elsewhere("up", "--port-offset", "200")[0] == 1  # not what runs
        os.environ[PORT_OFFSET] = ""
        assert elsewhere("down")[:2] == (0, "Parley has stopped.\n")
        running.wait(ENDS_WITHIN_S)
    os.environ[PORT_OFFSET] = ""
    assert f"127.0.0.1:{port} does not answer" in elsewhere("call", CLIP)[2]


@pytest.mark.parametrize("offset", ["-1", "many", "1.5", "70000"])
def test_an_offset_that_is_none_is_one_sentence(offset: str, elsewhere: Elsewhere) -> None:
    status, out, err = elsewhere("up", f"--port-offset={offset}")
    assert (status, out) == (2, "")
    assert "PARLEY_PORT_OFFSET" in err
