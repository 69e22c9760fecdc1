"""Finds and loads the Agent that a developer wrote, by the name of its file or module."""

import ast
import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from parley.app.agent import Agent
from parley.app.tool import Tool, ToolDeclarationError
from parley.errors import ConfigurationError

CALLED_FROM = "PARLEY_CALLED_FROM"
"""The folder that a relative file, or a module, is looked for in; else the current one."""

DEFAULT_VARIABLE = "agent"

_NOT_THE_APPS = (
    str(Path(__file__).resolve().parent.parent),
    *(str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "purelib", "platlib")),
)
_loaded: dict[tuple[str, str], Agent] = {}
_loading = threading.RLock()
"""A module that one thread is importing looks to another as if it were there."""


class AppError(ConfigurationError):
    """An app that cannot be loaded; one sentence, with file and line where there is one."""


@dataclass(frozen=True)
class AppReference:
    """Where an app is: `file` or `module`, and the variable in it, empty where none is named."""

    file: Path | None
    module: str
    variable: str

    @classmethod
    def parse(cls, name: str, *, folder: Path | None = None) -> "AppReference":
        """Reads "my_agent.py", "path/my_agent.py:name", "package.module" or "package.module:name",
        or the name of one of Parley's own apps, such as "shopping".

        A relative file is one of `folder`, or of where Parley was called. Raises AppError.
        """
        place, variable = name.strip(), ""
        if not place.endswith(".py") and ":" in place:
            place, _, variable = place.rpartition(":")
        if variable and not variable.isidentifier():
            raise AppError(f"app {name!r}: {variable!r} cannot be the name of an agent")
        if place.endswith(".py"):
            file = Path(place).expanduser()
            return cls((folder or called_from()).absolute() / file, "", variable)
        if not all(part.isidentifier() for part in place.split(".")):
            raise AppError(
                f"app {name!r} is no app: name a Python file (my_agent.py) or a module "
                "(package.module), and :NAME behind it where it has several agents"
            )
        return cls(None, _of_ours(place), variable)

    def __str__(self) -> str:
        place = str(self.file or self.module)
        return f"{place}:{self.variable}" if self.variable else place


def _of_ours(module: str) -> str:
    """The module, or the one of Parley's own apps that is called so."""
    own = Path(__file__).resolve().parents[2] / "apps" / module / "__init__.py"
    return f"apps.{module}" if "." not in module and own.is_file() else module


def called_from() -> Path:
    """The folder from which Parley was called."""
    return Path(os.environ.get(CALLED_FROM) or Path.cwd())


def load_app(name: str, *, folder: Path | None = None) -> Agent:
    """The Agent that `name` stands for (see `AppReference.parse`); loaded once per process.

    Without a variable it is the one called `agent`, else the only one that the module declares; an
    engine class, or a function that makes an engine for a session, is an Agent too. What the
    module prints while it is imported goes to standard error. Raises AppError or
    ToolDeclarationError.
    """
    found = AppReference.parse(name, folder=folder)
    key = (str(found.file or found.module), found.variable)
    with _loading:
        if key not in _loaded:
            module = _of_file(found.file) if found.file is not None else _of_module(found.module)
            _loaded[key] = _agent_in(module, found)
        return _loaded[key]


def _of_file(file: Path) -> ModuleType:
    file = file.resolve()
    if not file.is_file():
        raise AppError(f"{file}: there is no such file")
    digest = hashlib.sha256(str(file).encode()).hexdigest()[:12]
    unique = f"parley_app_{file.stem}_{digest}"
    if unique in sys.modules:
        return sys.modules[unique]
    spec = importlib.util.spec_from_file_location(unique, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module  # annotations are looked up there
    try:
        with _importing(file.parent, str(file)):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[unique]
        raise
    return module


def _of_module(name: str) -> ModuleType:
    folder = called_from().absolute()
    with _importing(folder, name):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and f"{name}.".startswith(f"{error.name}."):
                raise AppError(
                    f"there is no module {error.name!r} in {folder} or among Parley's packages"
                ) from None
            raise


@contextlib.contextmanager
def _importing(folder: Path, what: str) -> Iterator[None]:
    """The folder first on the import path, as for a program of it; errors become sentences.

    It stays at the end of the path, for what the app imports while it runs.
    """
    sys.path.insert(0, str(folder))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (AppError, ToolDeclarationError):
        raise
    except (Exception, SystemExit) as error:
        raise AppError(_why_not_imported(error, what)) from error
    finally:
        sys.path.remove(str(folder))
        if str(folder) not in sys.path:
            sys.path.append(str(folder))


def _why_not_imported(error: BaseException, what: str) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno or 1}: {error.msg}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame)]
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else what
    if isinstance(error, ModuleNotFoundError):
        return f"{place}: {error.msg}; is it installed where Parley runs?"
    said = " ".join(str(error).split())
    if isinstance(error, ConfigurationError):
        return f"{place}: {said}"
    return f"{place}: {type(error).__name__}: {said}" if said else f"{place}: {error!r}"


def _is_own(frame: traceback.FrameSummary) -> bool:
    return not frame.filename.startswith(("<", *_NOT_THE_APPS))


def _agent_in(module: ModuleType, found: AppReference) -> Agent:
    place = str(module.__file__ or module.__name__)
    if found.variable:
        if not hasattr(module, found.variable):
            raise AppError(f"{place}: there is no {found.variable!r} in it{_offer(module)}")
        return _as_agent(getattr(module, found.variable), module, found.variable)
    if hasattr(module, DEFAULT_VARIABLE):
        return _as_agent(getattr(module, DEFAULT_VARIABLE), module, DEFAULT_VARIABLE)
    candidates = _candidates(module)
    if not candidates:
        raise AppError(
            f"{place}: there is no agent in it; write `agent = Agent(instructions=…)` at its top "
            "level"
        )
    if len(candidates) > 1:
        raise AppError(
            f"{place}: there are several agents in it ({_named(module, candidates)}); call one "
            f"`{DEFAULT_VARIABLE}`, or name it: {found}:{next(iter(candidates))}"
        )
    ((name, value),) = candidates.items()
    return _as_agent(value, module, name)


def _candidates(module: ModuleType) -> dict[str, Any]:
    """The agents of the module, and the engine classes that it defines itself; each once."""
    found: dict[str, Any] = {}
    for name, value in vars(module).items():
        own_engine = _is_engine_class(value) and value.__module__ == module.__name__
        known = name.startswith("_") or any(value is other for other in found.values())
        if not known and (isinstance(value, Agent) or own_engine):
            found[name] = value
    return found


def _as_agent(value: Any, module: ModuleType, name: str) -> Agent:
    place = f"{module.__file__ or module.__name__}:{_line_of(name, module)}"
    if isinstance(value, Agent):
        return value
    if isinstance(value, type) and not _is_engine_class(value):
        raise AppError(f"{place}: class {name!r} is no engine: it has no respond and heard")
    if not isinstance(value, type) and _is_engine(value):
        raise AppError(
            f"{place}: {name!r} is one engine for all; name its class, or a function that makes "
            "one for each session"
        )
    if not callable(value) or isinstance(value, Tool):
        raise AppError(f"{place}: {name!r} is no Agent and no engine, but {_kind(value)}")
    _check_factory(value, f"{place}: {name!r}")
    return Agent(name=getattr(value, "__name__", name), engine=value)


def _check_factory(make: Callable[..., Any], what: str) -> None:
    if inspect.iscoroutinefunction(make):
        raise AppError(f"{what} is async; what makes an engine for a session is a plain function")
    try:
        inspect.signature(make).bind(None)
    except (TypeError, ValueError):
        raise AppError(
            f"{what} does not take the session as its only argument, which makes an engine"
        ) from None


def _is_engine_class(value: object) -> bool:
    return isinstance(value, type) and _is_engine(value)


def _is_engine(value: object) -> bool:
    return callable(getattr(value, "respond", None)) and callable(getattr(value, "heard", None))


def _kind(value: object) -> str:
    return "a tool" if isinstance(value, Tool) else f"of type {type(value).__name__}"


def _offer(module: ModuleType) -> str:
    candidates = _candidates(module)
    return f"; it has {_named(module, candidates)}" if candidates else ", and no agent at all"


def _named(module: ModuleType, candidates: dict[str, Any]) -> str:
    return ", ".join(f"{name} in line {_line_of(name, module)}" for name in candidates)


def _line_of(name: str, module: ModuleType) -> int:
    """Where the module's top level last binds the name; 1 where it cannot be told."""
    try:
        tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return 1
    line = 1
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            bound = [node.name]
        elif isinstance(node, ast.ImportFrom | ast.Import):
            bound = [alias.asname or alias.name for alias in node.names]
        else:
            bound = [
                part.id
                for part in ast.walk(node)
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            ]
        line = node.lineno if name in bound else line
    return line
