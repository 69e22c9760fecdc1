"""`run` on machines that lack things, in folders with odd names, and twice at once."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from parley import paths

TOOLS = "bash dirname env flock mkdir mktemp mv readlink rm sed sha256sum tail".split()
SMALL = "iniconfig"


class Machine:
    """A checkout and a PATH with nothing on it but the basic tools."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "a check out"
        self.bin = folder / "bin"
        self.cache = folder / "ca che"
        self.checkout.mkdir()
        self.bin.mkdir()
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None, tool
            (self.bin / tool).symlink_to(found)
        shutil.copy(paths.repository() / "run", self.checkout)
        for name in (
            *("parley/__init__.py", "parley/errors.py", "parley/program.py"),
            *("cli/__init__.py", "cli/main.py"),
        ):
            (self.checkout / name).parent.mkdir(exist_ok=True)
            shutil.copy(paths.repository() / name, self.checkout / name)
        self.write_lock("uv", SMALL)

    def write_lock(self, *packages: str) -> None:
        """The lock of the project, cut down to some packages: quick to install."""
        lock = (paths.repository() / "requirements.lock").read_text(encoding="utf-8")
        pins = [
            re.search(rf"^{name}==.*?[^\\]$", lock, re.MULTILINE | re.DOTALL) for name in packages
        ]
        text = "\n".join(pin[0] for pin in pins if pin)
        for file in ("requirements.lock", "requirements-run.lock"):
            (self.checkout / file).write_text(f"{text}\n", encoding="utf-8")

    def add(self, name: str, script: str) -> None:
        """A program of that name on PATH."""
        (self.bin / name).write_text(f"#!/bin/bash\n{script}\n")
        (self.bin / name).chmod(0o755)

    def add_python(self, *, without: str = "nothing") -> None:
        """This Python as python3; `without` is a pattern of modules that -m does not find."""
        python = Path(sys.executable).resolve()
        self.add(
            "python3",
            f'[[ "$1 $2" =~ ^-m\\ ({without})$ ]] && {{ echo "No module named $2" >&2; exit 1; }}\n'
            f'exec "{python}" "$@"',
        )

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.checkout / "run", *arguments],
            cwd="/",
            env={
                "PATH": str(self.bin),
                "HOME": os.environ.get("HOME", "/"),
                "PARLEY_CACHE_DIR": str(self.cache),
                **{k: v for k, v in os.environ.items() if k.startswith(("UV_", "PIP_", "SSL_"))},
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_a_python_it_says_which_one_to_install(machine: Machine) -> None:
    status, out, err = machine.run("up")
    assert (status, out) == (1, "")
    assert re.fullmatch(r"parley: Python 3\.11 or newer is needed, and none was found: .*\n", err)


def test_an_old_python_is_named(machine: Machine) -> None:
    machine.add("python3", '[[ $1 == --version ]] && echo "Python 3.8.18"; exit 1')
    status, _, err = machine.run("up")
    assert status == 1
    assert "and only Python 3.8.18 was found" in err
    assert len(err.splitlines()) == 1


def test_a_python_that_does_not_run_is_passed_over(machine: Machine) -> None:
    machine.add("python3.11", "echo 'pyenv: python3.11: command not found' >&2; exit 127")
    machine.add_python()
    status, out, _ = machine.run("help")
    assert status == 0
    assert "up [--app APP] [--detach]" in out


def test_help_needs_no_environment(machine: Machine) -> None:
    machine.add_python()
    for arguments in ((), ("--help",), ("help",)):
        status, out, err = machine.run(*arguments)
        assert (status, err) == (0, "")
        assert "usage: ./run COMMAND" in out
    assert not (machine.checkout / ".venv").exists()


def test_without_uv_pip_and_venv_it_says_what_to_install(machine: Machine) -> None:
    machine.add_python(without="pip|venv")
    status, out, err = machine.run("up")
    assert (status, out) == (1, "")
    assert "has neither pip nor venv" in err
    assert "python3-venv" in err.splitlines()[-1]
    assert list(machine.cache.iterdir()) == []


def test_a_missing_network_is_one_sentence(machine: Machine) -> None:
    machine.add_python()
    uv = shutil.which("uv", path=Path(sys.executable).parent)
    assert uv is not None
    machine.add("uv", f'exec "{uv}" "$@"')
    nowhere = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}
    status, out, err = machine.run("up", **nowhere, UV_NO_CACHE="1", UV_FIND_LINKS="")
    assert (status, out) == (1, "")
    assert err.splitlines()[-1].startswith("parley: the package index cannot be reached: connect")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("failed to copy file: No space left on device (os error 28)", "the disk is full: free"),
        ("failed to create directory: Permission denied (os error 13)", "cannot be written"),
        ("invalid peer certificate: UnknownIssuer", "SSL_CERT_FILE"),
        ("connect: [SSL: CERTIFICATE_VERIFY_FAILED] unable to get local issuer", "SSL_CERT_FILE"),
        ("error sending request: self-signed certificate in chain", "SSL_CERT_FILE"),
        ("no wheels for this platform\nhint: none", "the lines above say why"),
    ],
)
def test_what_the_installer_cannot_do_is_one_sentence(
    machine: Machine, said: str, sentence: str
) -> None:
    machine.add_python()
    machine.add("uv", f'[[ $1 == --version ]] && exit 0\necho "{said}" >&2; exit 1')
    status, out, err = machine.run("up")
    assert (status, out) == (1, "")
    assert sentence in err.splitlines()[-1]


def test_where_this_system_alone_trusts_the_index_it_is_trusted(machine: Machine) -> None:
    """uv has authorities of its own; those of the system are asked where they do not do."""
    machine.add_python()
    link, python = shutil.which("ln"), Path(sys.executable).resolve()
    machine.add(
        "uv",
        "[[ $1 == --version || -n $UV_SYSTEM_CERTS ]] ||"
        ' { echo "invalid peer certificate: UnknownIssuer" >&2; exit 1; }\n'
        f'[[ $1 != venv ]] || {{ mkdir -p "${{@: -1}}/bin"; '
        f'{link} -s {python} "${{@: -1}}/bin/python"; }}',
    )
    status, out, err = machine.run("upp", UV_SYSTEM_CERTS="")
    assert (status, out) == (2, ""), err
    assert "trying once more with the authorities of this system" in err
    assert err.splitlines()[-1] == "parley: there is no command 'upp'; did you mean 'up'?"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("content", ["", "bin/python", "requirements.sha256"])
def test_the_environment_of_another_user_is_left_alone(machine: Machine, content: str) -> None:
    machine.add_python()
    venv = machine.checkout / ".venv"
    (venv / content).parent.mkdir(parents=True, exist_ok=True)
    if content:
        (venv / content).touch()
    else:
        venv.mkdir(exist_ok=True)
    os.chown(venv, 12345, 12345)
    status, out, err = machine.run("up")
    assert (status, out) == (1, "")
    assert "belongs to another user" in err.splitlines()[-1]
    assert venv.is_dir() and (venv / content).exists()


def test_ctrl_c_while_it_installs_is_quiet_and_says_so_by_its_exit_status(machine: Machine) -> None:
    machine.add_python()
    machine.add("uv", "[[ $1 == --version ]] && exit 0\nkill -INT $PPID; exit 130")
    status, out, err = machine.run("up")
    assert (status, out) == (130, "")
    assert "could not" not in err


@pytest.mark.servers
def test_a_machine_with_nothing_but_python_gets_uv_and_the_environment_once(
    machine: Machine, tmp_path: Path
) -> None:
    machine.add_python()
    (tmp_path / "linked").symlink_to(machine.checkout / "run")
    first = machine.start("upp")
    second = machine.start("upp")  # at the same time
    outcomes = [process.communicate(timeout=280) for process in (first, second)]
    for process, (out, err) in zip((first, second), outcomes, strict=True):
        assert (process.returncode, out) == (2, ""), err
        assert "there is no command 'upp'; did you mean 'up'?" in err
    assert any(machine.cache.glob("uv==*/bin/uv"))

    python = machine.checkout / ".venv" / "bin" / "python"
    subprocess.run([python, "-c", f"import {SMALL}"], check=True)
    machine.add("python3", "echo 'not again' >&2; exit 1")
    status, _, err = machine.run("upp")  # a second start needs no installer
    assert (status, err.count("\n")) == (2, 1)

    again = subprocess.run(
        [tmp_path / "linked", "upp"], capture_output=True, text=True, check=False
    )
    assert again.returncode == 2

    machine.write_lock("uv", SMALL, "pluggy")  # a changed lock is installed
    status, _, err = machine.run("upp")
    assert status == 2, err
    subprocess.run([python, "-c", "import pluggy"], check=True)
