"""The Python environments of engines that cannot live in Parley's own: made once, then kept."""

import hashlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from ops.toolchain.programs import cached_folder
from parley import paths
from parley.errors import FetchError, ToolchainError
from parley.fetch import locked
from parley.fetch.packages import explain_failure
from parley.fetch.trust import UV_SYSTEM_CERTS, run_trusting
from parley.progress import StepProgress, silent

_COMPLETE = ".complete"


@dataclass(frozen=True)
class EngineEnvironment:
    """A virtual environment that holds what `lock` pins, with hashes, and nothing else.

    It lies in the cache under the lock's own hash: another lock is another environment, and
    checkouts with the same share one. `built` names the packages that exist as source only.
    """

    name: str
    lock: Path
    built: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        digest = hashlib.sha256(self.lock.read_bytes()).hexdigest()
        return cached_folder(f"{self.name}-{digest[:16]}")

    @property
    def python(self) -> Path:
        """Its interpreter, whether it is there yet or not."""
        return self.folder / "bin" / "python"

    def find(self) -> Path | None:
        """Its interpreter if the environment is there and complete."""
        is_complete = (self.folder / _COMPLETE).exists() and self.python.exists()
        return self.python if is_complete else None

    def ensure(self, *, progress: StepProgress = silent) -> Path:
        """Its interpreter, the environment made first where it has to be (minutes).

        Blocks; processes that ask at once share the work, and one that was interrupted is taken
        up where it stopped. Raises ToolchainError.
        """
        python = self.find()
        if python is not None:
            return python
        try:
            with locked(self.folder):
                return self.find() or self._make(progress)
        except FetchError as error:
            raise ToolchainError(f"the {self.name} environment: {error}") from error

    def _make(self, progress: StepProgress) -> Path:
        folder, python = self.folder, self.python
        only_wheels = ["--only-binary", ":all:"]
        for package in self.built:
            only_wheels += ["--no-binary", package]
        sync = ["pip", "sync", "--python", str(python), "--require-hashes", *only_wheels]
        steps = [[*sync, str(self.lock)]]
        if not python.exists():
            shutil.rmtree(folder, ignore_errors=True)
            steps.insert(0, ["venv", "--python", sys.executable, str(folder)])
        label = f"The {self.name} environment"
        log = folder.with_name(f".{folder.name}.log")
        for step in steps:
            status = run_trusting(
                [_uv(), *step],
                log=log,
                environment=os.environ | {"UV_HTTP_RETRIES": "2"},
                tick=lambda: progress(label, 0, None),
                system_certs=UV_SYSTEM_CERTS,
            )
            if status != 0:
                output = log.read_text(encoding="utf-8", errors="replace")
                raise FetchError(explain_failure(output, f"of {self.lock.name}", folder))
        (folder / _COMPLETE).touch()
        log.unlink()
        progress(label, 1, 1)
        return python


COSYVOICE = EngineEnvironment(
    "cosyvoice",
    paths.repository() / "workers" / "engines" / "cosyvoice" / "requirements.lock",
    built=("antlr4-python3-runtime", "openai-whisper", "wget"),
)
"""Torch and CosyVoice 2, 5.2 GB: `ADAPTER_TYPE=cosyvoice` runs the TTS worker in it."""


def environment_of(adapter: str) -> EngineEnvironment | None:
    """The environment that the engine `adapter` needs for itself; None: it lives in Parley's."""
    return COSYVOICE if adapter == COSYVOICE.name else None


def _uv() -> str:
    beside_python = Path(sys.executable).with_name("uv")
    uv = os.environ.get("UV") or shutil.which("uv") or shutil.which(beside_python)
    if uv is None:
        raise ToolchainError("uv makes the environments of engines and was not found: install it")
    return uv
