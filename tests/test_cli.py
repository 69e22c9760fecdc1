"""The command line: what is not there is named, and errors are sentences."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli import bench
from cli import main as cli
from cli.counting import counted
from parley import __version__, paths, program
from parley.errors import ConfigurationError, ModelError, ParleyError
from testkit.isolated_config import write_config


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["help"]) == cli.main(["--help"]) == cli.main([]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in cli.COMMANDS)


def test_help_of_a_command_is_that_commands_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["help", "say"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "--voice" in out
    assert "start everything" not in out
    assert cli.main(["help", "sya"]) == 2
    assert "'say'" in capsys.readouterr().err


def test_without_an_environment_help_of_a_command_is_its_usage() -> None:
    """Where nothing is installed, `-S` leaves out what is."""
    told = subprocess.run(
        [sys.executable, "-S", "-m", "cli.main", "help", "say"],
        cwd=paths.repository(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("usage: ./run say TEXT")


def test_bench_takes_json_before_the_name_and_without_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert bench.main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"benchmarks": bench.BENCHMARKS}
    assert bench.main(["--json", "tss"]) == 2
    assert "did you mean tts?" in capsys.readouterr().err


def test_one_of_a_thing_is_not_plural() -> None:
    assert [counted(n, "word") for n in (0, 1, 2)] == ["0 words", "1 word", "2 words"]


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"parley {__version__}\n"


@pytest.mark.parametrize(
    ("name", "nearest"), [("upp", "'up'"), ("stauts", "'status'"), ("xyzzy", "./run help")]
)
def test_an_unknown_command_is_answered_with_the_nearest(
    name: str, nearest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([name]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert nearest in captured.err


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ParleyError("it is so"), 1, "parley: it is so\n"),
        (ModelError("no such voice"), 1, "parley: no such voice\n"),
        (ConfigurationError("x.yaml:1: bad"), 2, "parley: x.yaml:1: bad\n"),
        (KeyboardInterrupt(), 130, ""),
        (
            OSError(errno.ENOSPC, "No space left on device", "/state/x"),
            1,
            "parley: /state/x: No space left on device; free some space on that disk\n",
        ),
    ],
)
def test_an_error_on_purpose_is_one_sentence_and_an_exit_status(
    error: BaseException, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> int:
        raise error

    assert program.reported(fail) == status
    assert capsys.readouterr() == ("", said)


def test_an_error_that_is_a_fault_of_ours_is_not_hidden() -> None:
    def fail() -> int:
        raise OSError(errno.EBADF, "Bad file descriptor")

    with pytest.raises(OSError, match="Bad file descriptor"):
        program.reported(fail)


def test_a_process_with_the_native_client_ends_without_pythons_own_ending() -> None:
    """One of the client's threads would abort it now and then; what was printed is not lost."""
    program = (
        "import atexit, sys; from parley import program; from livekit import rtc\n"
        "atexit.register(print, 'finalized'); print('said'); program.leave(3)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, b"said\n", b"")


@pytest.mark.parametrize("arguments", [(), ("tts",), ("-n", "5")])
def test_logs_without_any_say_how_there_will_be_some(
    arguments: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path / "none"))
    assert cli.main(["logs", *arguments]) == 1
    assert capsys.readouterr() == ("", "parley: there are no logs yet: ./run up starts Parley\n")


def test_status_names_what_starts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path / "none"))
    assert cli.main(["status"]) == 1
    assert capsys.readouterr().out == "Parley is not running\n./run up starts it\n"


def test_restart_stops_nothing_for_what_would_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("PARLEY_CONFIG_DIR", str(write_config(tmp_path / "configs")))
    for variable in ("PARLEY_APP", "PARLEY_CALLED_FROM"):  # it sets them, for what it starts
        monkeypatch.setenv(variable, "")
    assert cli.main(["restart", "--app", str(tmp_path / "gone.py")]) == 2
    captured = capsys.readouterr()
    assert "there is no such file" in captured.err
    assert "stopped" not in captured.out
