"""The page, built from web/ when its sources are newer than what was built."""

import hashlib
import os
import tempfile
from pathlib import Path

from ops.toolchain.node import NodeTools, ensure_node
from ops.toolchain.programs import cached_folder
from parley import paths
from parley.errors import FetchError, ToolchainError
from parley.fetch import locked
from parley.fetch.trust import NODE_SYSTEM_CERTS, OWN_AUTHORITY, is_untrusted, run_trusting
from parley.progress import StepProgress, silent

_NOT_SOURCES = {"node_modules", "dist"}
_STAMP = ".sources"
_LOG_LINES = 12


def ensure_page(progress: StepProgress = silent, *, web: Path | None = None) -> Path:
    """The folder of the built page, `web/dist`, built first where its sources have changed.

    Raises ToolchainError with the end of the build's log.
    """
    web = web or paths.repository() / "web"
    dist = web / "dist"
    if not (web / "package.json").exists():
        if (dist / "index.html").exists():  # an installation that ships only the built page
            return dist
        raise ToolchainError(f"there is no page to build in {web}: package.json is missing")
    if page_is_built(web):
        return dist
    try:
        with locked(cached_folder("page")):
            if not page_is_built(web):
                _build(web, ensure_node(progress), progress)
    except FetchError as error:
        raise ToolchainError(f"the page: {error}") from error
    return dist


def page_is_built(web: Path) -> bool:
    """Whether `web`/dist was built from the sources that are in `web` now."""
    try:
        return (web / "dist" / _STAMP).read_text(encoding="utf-8") == _digest(web)
    except FileNotFoundError:
        return False


def _digest(web: Path) -> str:
    """A hash of the names and contents of all sources."""
    hasher = hashlib.sha256()
    for parent, folders, names in os.walk(web):
        folders[:] = sorted(f for f in folders if f not in _NOT_SOURCES and f[0] != ".")
        for name in sorted(names):
            file = Path(parent) / name
            content = file.read_bytes()
            hasher.update(f"{file.relative_to(web)}\0{len(content)}\0".encode())
            hasher.update(content)
    return hasher.hexdigest()


def _build(web: Path, tools: NodeTools, progress: StepProgress) -> None:
    digest = _digest(web)
    environment = os.environ | {
        "PATH": f"{tools.node.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "npm_config_fetch_retries": "1",
        "npm_config_update_notifier": "false",
    }
    if authority := os.environ.get("SSL_CERT_FILE"):
        # Node reads none of the other names.
        environment.setdefault("NODE_EXTRA_CA_CERTS", authority)
    steps = {
        "The page: its libraries": ("ci", "--no-audit", "--no-fund"),
        "The page: building it": ("run", "build"),
    }
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "npm.log"
        for label, arguments in steps.items():
            status = run_trusting(
                [*tools.npm, *arguments],
                log=log,
                environment=environment,
                tick=lambda label=label: progress(label, 0, None),  # type: ignore[misc]
                system_certs=NODE_SYSTEM_CERTS,
                folder=web,
            )
            if status != 0:
                said = log.read_text(encoding="utf-8", errors="replace")
                lines = said.strip().splitlines()[-_LOG_LINES:]
                if is_untrusted(said):
                    lines.append(f"the package registry is not trusted: {OWN_AUTHORITY}")
                raise ToolchainError(
                    f"npm {arguments[0]} in {web} ended with status {status}:\n" + "\n".join(lines)
                )
            progress(label, 1, 1)
    (web / "dist" / _STAMP).write_text(digest, encoding="utf-8")
