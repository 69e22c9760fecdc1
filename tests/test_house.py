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


def test_a_class_name_means_one_thing() -> None:
    named: dict[str, list[str]] = {}
    for file in modules():
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                named.setdefault(node.name, []).append(str(file.relative_to(ROOT)))
    assert {name: files for name, files in named.items() if len(files) > 1} == {}


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


def test_no_cancellation_is_swallowed() -> None:
    """A task that is cancelled ends; who ends another task gathers it (`return_exceptions`)."""
    swallowed = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in modules()
        for line in swallowing(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert swallowed == []


@pytest.mark.parametrize(
    "code",
    [
        "async def f():\n with suppress(asyncio.CancelledError):\n  await task",
        "async def f():\n with contextlib.suppress(ValueError, CancelledError):\n  await task",
        "async def f():\n with suppress(BaseException):\n  await task",
        "async def f():\n try:\n  await task\n except asyncio.CancelledError:\n  pass",
        "async def f():\n try:\n  await task\n except (ValueError, CancelledError):\n  return 1",
        "async def f():\n try:\n  await task\n except BaseException as e:\n  log(e)",
        "async def f():\n try:\n  await task\n except:\n  log()",
        "async def f():\n try:\n  await task\n except* CancelledError:\n  log()",
        "async def f():\n try:\n  await task\n finally:\n  return 1",
        "async def f():\n while x:\n  try:\n   await task\n  finally:\n   break",
        "async def f():\n try:\n  await t\n except CancelledError as e:\n  c = e\n return c",
    ],
)
def test_the_swallowing_of_cancellations_is_found(code: str) -> None:
    assert list(swallowing(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "async def f():\n with suppress(TimeoutError):\n  await task",
        "async def f():\n try:\n  await task\n except asyncio.CancelledError:\n  log()\n  raise",
        "async def f():\n try:\n  await t\n except CancelledError as e:\n  c = e\n raise c",
        "async def f():\n try:\n  await task\n except Exception:\n  log()",
        "async def f():\n try:\n  await task\n finally:\n  for x in y:\n   break",
        "def f():\n try:\n  asyncio.run(g())\n except (OSError, CancelledError):\n  return 1",
    ],
)
def test_what_is_allowed_with_cancellations(code: str) -> None:
    assert not list(swallowing(ast.parse(code)))


def swallowing(tree: ast.Module) -> Iterator[int]:
    """The lines at which a cancellation may end in code that goes on."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        coroutine = isinstance(function, ast.AsyncFunctionDef)
        nodes = list(own_nodes(function))
        raised = {n.exc.id for n in nodes if isinstance(n, ast.Raise) and _is_name(n.exc)}
        for node in nodes:
            if isinstance(node, ast.With | ast.AsyncWith):
                calls = [item.context_expr for item in node.items]
                if any(
                    isinstance(call, ast.Call)
                    and _last_name(call.func) == "suppress"
                    and any(_ends_all(argument) for argument in call.args)
                    for call in calls
                ):
                    yield node.lineno
            if isinstance(node, ast.Try | ast.TryStar):
                if coroutine and _leaves(node.finalbody):
                    yield node.finalbody[0].lineno
                if not coroutine and _runs_a_loop(node):
                    continue
                for handler in node.handlers:
                    caught = handler.type
                    if (
                        _catches_cancel(caught, coroutine=coroutine)
                        and not any(isinstance(inner, ast.Raise) for inner in own_nodes(handler))
                        and not (_kept_as(handler) & raised)
                    ):
                        yield handler.lineno


def own_nodes(root: ast.AST) -> Iterator[ast.AST]:
    """What is in the function or block itself, not in those defined inside."""
    for child in ast.iter_child_nodes(root):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from own_nodes(child)


def _is_name(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Name)


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _ends_all(node: ast.expr) -> bool:
    return _last_name(node) in ("CancelledError", "BaseException")


def _catches_cancel(caught: ast.expr | None, *, coroutine: bool) -> bool:
    if caught is None:
        return coroutine
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    names = {_last_name(kind) for kind in kinds}
    return "CancelledError" in names or (coroutine and "BaseException" in names)


def _kept_as(handler: ast.ExceptHandler) -> set[str]:
    """The variables that the handler keeps the exception in."""
    return {
        target.id
        for node in own_nodes(handler)
        if isinstance(node, ast.Assign) and getattr(node.value, "id", None) == handler.name
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _runs_a_loop(node: ast.Try | ast.TryStar) -> bool:
    """Where an event loop was run, nothing is left that a cancellation could end."""
    return any(
        isinstance(inner, ast.Call) and _last_name(inner.func) == "run"
        for statement in node.body
        for inner in ast.walk(statement)
    )


def _leaves(statements: list[ast.stmt], *, in_loop: bool = False) -> bool:
    """Whether `return`, or a `break` or `continue` of a loop outside, is among them."""
    for statement in statements:
        if isinstance(statement, ast.Return):
            return True
        if isinstance(statement, ast.Break | ast.Continue) and not in_loop:
            return True
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        loop = in_loop or isinstance(statement, ast.For | ast.AsyncFor | ast.While)
        for name in ("body", "orelse", "finalbody"):
            if _leaves(getattr(statement, name, []), in_loop=loop):
                return True
    return False
