"""The rules of the house, held against every file that is committed."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from cli import main as cli
from parley import paths

ROOT = paths.repository()
PACKAGES = (
    "parley",
    "dialogue",
    "agent",
    "workers",
    "gateway",
    "caller",
    "ops",
    "apps",
    "testkit",
    "bench",
    "cli",
)
GENERATED = re.compile(r"_pb2(_grpc)?\.pyi?$")
LONGEST_MODULE, LONGEST_FUNCTION = 400, 60

# Spelled so that this file does not name them.
REGISTRY_HOSTS = re.compile(
    r"(?<![\w-])(pypi\.(?:org|io)|files\.pythonhosted\.org|registry\.(?:npmjs|yarnpkg)\.(?:org|com)"
    r"|proxy\.golang\.org|deb\.debian\.org|security\.debian\.org|crates\.io)"
)
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:work|root|home/\w+|tmp/lab)/")
FOLDER_BESIDE = re.compile(r"""["'`/]share[d]["'`/]""")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file of the repository, or of the folder where it is no repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("no git repository: nothing says which files are ours")
    files = (ROOT / name for name in listed.stdout.split("\0") if name)
    return tuple(file for file in files if file.is_file())


def modules(*, tests: bool = False) -> Iterator[Path]:
    folders = (*PACKAGES, "tests") if tests else PACKAGES
    for file in tracked():
        relative = file.relative_to(ROOT)
        if (
            file.suffix == ".py"
            and relative.parts[0] in folders
            and not GENERATED.search(file.name)
        ):
            yield file


def texts() -> Iterator[tuple[Path, str]]:
    for file in tracked():
        data = file.read_bytes()
        if b"\0" not in data[:4096]:
            yield file.relative_to(ROOT), data.decode(errors="replace")


def test_every_module_says_its_one_job() -> None:
    silent = [
        str(file.relative_to(ROOT))
        for file in modules()
        if ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) is None
    ]
    assert silent == []


def test_no_module_has_grown_a_second_job() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for file in modules(tests=True)
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > LONGEST_MODULE
    }
    assert long == {}


def test_no_function_is_too_long_to_read_at_once() -> None:
    long = {
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name}": length
        for file in modules()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert long == {}


def test_no_file_names_a_package_registry() -> None:
    named = [
        f"{file}: {found[0]}" for file, text in texts() if (found := REGISTRY_HOSTS.search(text))
    ]
    assert named == []


def test_no_file_names_a_path_of_one_machine() -> None:
    named = [
        f"{file}: {found[0]}" for file, text in texts() if (found := MACHINE_PATHS.search(text))
    ]
    assert named == []


def test_no_file_needs_a_folder_beside_the_repository() -> None:
    named = [
        f"{file}: {found[0]}" for file, text in texts() if (found := FOLDER_BESIDE.search(text))
    ]
    assert named == []


def test_imports_point_inward() -> None:
    checked = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_every_command_of_the_one_command_exists() -> None:
    missing = [
        name
        for name, command in cli.COMMANDS.items()
        if not (ROOT / Path(*command.module.split("."))).with_suffix(".py").exists()
        and not (ROOT / Path(*command.module.split(".")) / "__init__.py").exists()
    ]
    assert missing == []
