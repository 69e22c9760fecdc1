"""The files of published Python packages, fetched with the installer that is at hand."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from parley.errors import FetchError
from parley.fetch.staging import disk_full
from parley.fetch.trust import OWN_AUTHORITY, UV_SYSTEM_CERTS, is_untrusted, run_trusting
from parley.progress import StepProgress

_NO_NETWORK = (
    "error sending request",
    "dns error",
    "failed to fetch",
    "connection refused",
    "failed to establish a new connection",
    "network is unreachable",
    "timed out",
)


def install_packages(
    requirements: Sequence[str],
    target: Path,
    *,
    label: str,
    size_bytes: int,
    progress: StepProgress,
    platform: str = "",
) -> None:
    """Unpacks the wheels of `requirements`, without their dependencies, into `target`.

    `platform` is a tag as wheels have it ("manylinux2014_x86_64"): then its wheels are taken,
    whatever this machine is.

    A requirement is `NAME==VERSION`, with `--hash=sha256:…` behind it where the wheel itself is
    to be checked.

    `target` is a new folder inside a folder of the fetch's own: the installer's own files are kept
    beside it, so that its growth is the progress, `size_bytes` the whole. Where it fails they stay:
    packages that came whole are not fetched again. Raises FetchError in one sentence. What
    `progress` raises ends the installer.
    """
    scratch = target.with_name(f"{target.name}.installer")
    scratch.mkdir(parents=True, exist_ok=True)
    log, pins = scratch / "log", scratch / "requirements.txt"
    pins.write_text("\n".join(requirements), encoding="utf-8")
    status = run_trusting(
        [*_installer(scratch, platform), "--target", str(target), "-r", str(pins)],
        log=log,
        environment=os.environ | {"TMPDIR": str(scratch), "UV_HTTP_RETRIES": "2"},
        tick=lambda: progress(label, min(_size(target.parent), size_bytes - 1), size_bytes),
        system_certs=UV_SYSTEM_CERTS,
    )
    if status != 0:
        names = ", ".join(requirement.split()[0] for requirement in requirements)
        raise FetchError(explain_failure(log.read_text(errors="replace"), names, target))
    shutil.rmtree(scratch, ignore_errors=True)
    progress(label, size_bytes, size_bytes)


def _installer(scratch: Path, platform: str) -> list[str]:
    """The command that installs into a target folder: uv where it can be found, else pip."""
    beside_python = Path(sys.executable).with_name("uv")
    uv = os.environ.get("UV") or shutil.which("uv") or shutil.which(beside_python)
    command = [uv] if uv else [sys.executable, "-m", "uv"]
    options = ["--no-deps", "--only-binary", ":all:"]
    if uv or importlib.util.find_spec("uv"):
        # A cache of its own: nothing is kept twice, and the growth to watch is in one place.
        cache = ["--cache-dir", str(scratch / "cache")]
        if platform:
            options += ["--python-platform", "-".join(reversed(platform.split("_", 1)))]
        return [*command, "pip", "install", "--python", sys.executable, *cache, *options]
    if importlib.util.find_spec("pip"):
        own = ["--no-cache-dir", "--disable-pip-version-check", "--no-input", "--retries", "2"]
        if platform:
            options += ["--platform", platform]
        return [sys.executable, "-m", "pip", "install", *own, *options]
    raise FetchError("neither uv nor pip was found to fetch packages with: install uv")


def _size(folder: Path) -> int:
    """Bytes below `folder`; hard links count once, and files may vanish while it looks."""
    sizes: dict[int, int] = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                state = (Path(parent) / name).lstat()
            except FileNotFoundError:
                continue
            sizes[state.st_ino] = state.st_size
    return sum(sizes.values())


def explain_failure(output: str, what: str, target: Path) -> str:
    """One sentence for an installer that failed to put the packages `what` into `target`."""
    lower = output.lower()
    if "no space left" in lower or "os error 28" in lower:
        return disk_full(target.parent)
    lines = [line.strip(" ×╰─▶|├\t") for line in output.splitlines() if line.strip()]
    last = lines[-1].removeprefix("cause: ") if lines else "the installer said nothing"
    if is_untrusted(output):
        return f"the package registry for {what} is not trusted ({last}): {OWN_AUTHORITY}"
    if any(sign in lower for sign in _NO_NETWORK):
        return f"the package registry could not be reached for {what} ({last})"
    return f"the packages {what} could not be installed: {last}"
