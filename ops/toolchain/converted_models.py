"""What speech engines make of a model's files, once per machine and before a worker starts.

The engine knows when it has to be made anew; asking it costs the start of a Python. So the made
folder is marked, and asked about again only when it, the engine or onnxruntime has changed.
"""

import hashlib
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from parley import models, paths
from parley.errors import FetchError, ToolchainError
from parley.fetch import locked, run_logged
from parley.fetch.stamp import is_stamped, write_stamp
from parley.progress import StepProgress, silent

CONVERTING_ENGINES = ("kokoro", "moonshine", "piper")
"""As `workers.engines.conversion` has them."""

_MARK = ".stamp"


def is_converted_once(model: str) -> bool:
    """Whether its engine loads something that it makes of the model's files first; not of one that
    there is not, which is told where it is fetched."""
    known = models.manifest().get(model)
    return known is not None and known.engine in CONVERTING_ENGINES


def ensure_converted(model: str, *, progress: StepProgress = silent) -> Path | None:
    """The folder of what the engine made of `model`, made first where it has to be; None where
    nothing is kept, and the worker does what is left.

    Blocks for some ten seconds the first time, longer on a busy machine. The model has to be in
    the store. Raises ModelError, and ToolchainError with the end of what the engine said.
    """
    source = models.ensure(model)
    engine = models.find(model).engine
    known = paths.cache_dir() / "converted" / model
    made_by = _made_by(engine)
    if (made := _marked(known, made_by)) is not None:
        return made
    label = f"Converting {model}"
    try:
        with locked(known):
            if (made := _marked(known, made_by)) is not None:
                return made
            made = _made(engine, source, known.with_name(f".{model}.log"), label, progress)
            if made is not None:
                write_stamp(made / _MARK, made_by, _graphs(made))
                known.write_text(str(made), encoding="utf-8")
    except (FetchError, OSError):  # a cache that cannot be written: what is in it may do
        return None
    progress(label, 1, 1)
    return made


def _made(engine: str, source: Path, log: Path, label: str, progress: StepProgress) -> Path | None:
    status = run_logged(
        [sys.executable, "-P", "-m", "workers.engines.conversion", engine, str(source)],
        log=log,
        environment=os.environ
        | {"PYTHONPATH": str(paths.repository()), "PARLEY_CACHE_DIR": str(paths.cache_dir())},
        tick=lambda: progress(label, 0, None),
    )
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    if status != 0:
        reason = said[-1] if said else f"the engine ended with status {status}"
        raise ToolchainError(f"{log.stem.lstrip('.')} cannot be converted: {reason}")
    log.unlink()
    made = Path(said[-1]) if said else None
    return made if made is not None and made.is_dir() else None


def _marked(known: Path, made_by: str) -> Path | None:
    """The folder that `known` names, if it is as it was made."""
    try:
        made = Path(known.read_text(encoding="utf-8"))
    except OSError:
        return None
    return made if is_stamped(made / _MARK, made_by, _graphs(made)) else None


def _graphs(made: Path) -> list[Path]:
    return sorted(made.glob("*.onnx"))


def _made_by(engine: str) -> str:
    """What the result depends on, beside the model's files."""
    hasher = hashlib.sha256()
    for file in sorted((paths.repository() / "workers" / "engines" / engine).glob("*.py")):
        hasher.update(file.read_bytes())
    try:
        runtime = version("onnxruntime")
    except PackageNotFoundError:
        runtime = "none"
    return f"{engine} {hasher.hexdigest()} onnxruntime {runtime} {platform.machine()}"
