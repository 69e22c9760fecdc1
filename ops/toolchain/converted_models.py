"""What is made of a model's files, once per machine and before its part starts.

Whoever makes it knows when it has to be made anew; asking costs the start of a Python. So the made
folder is marked, and asked about again only when it, the code or the runtime has changed.
"""

import hashlib
import logging
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType

from parley import models, paths
from parley.errors import FetchError, ToolchainError
from parley.fetch import locked, run_logged
from parley.fetch.stamp import is_stamped, write_stamp
from parley.progress import StepProgress, silent
from parley.settings.orchestrator import SMALL_LLM


@dataclass(frozen=True)
class Converter:
    """`module`, run with an engine's name and a model's folder, prints the folder of the result. It
    is another one where a file that `sources` (of the repository) name, or `runtime`, changes."""

    module: str
    sources: tuple[str, ...]
    runtime: str = "onnxruntime"
    is_needed: bool = True
    """Else the model is loaded as published where it fails."""


def _of_speech(engine: str) -> Converter:
    return Converter("workers.engines.conversion", (f"workers/engines/{engine}/*.py",))


CONVERTERS: Mapping[str, Converter] = MappingProxyType(
    {
        "kokoro": _of_speech("kokoro"),
        "moonshine": _of_speech("moonshine"),
        "piper": _of_speech("piper"),
        "llama.cpp": Converter(
            "ops.llm_weights", ("ops/llm_weights.py", "ops/gguf_layout.py"), "gguf", is_needed=False
        ),
    }
)
"""By the model's engine."""
_CONVERTED_LLMS = frozenset({SMALL_LLM})
"""The others are in a format already that is read as soon."""

_MARK = ".stamp"

_log = logging.getLogger(__name__)


def is_converted_once(model: str) -> bool:
    """Whether something is loaded that is made of the model's files first; not of one that there is
    not, which is told where it is fetched."""
    known = models.manifest().get(model)
    if known is None or (known.kind == "llm" and model not in _CONVERTED_LLMS):
        return False
    return known.engine in CONVERTERS


def ensure_converted(model: str, *, progress: StepProgress = silent) -> Path | None:
    """The folder of what is made of `model`, made first where it has to be; None where nothing is
    kept, and its part does what is left.

    Blocks for some ten seconds the first time, longer on a busy machine. The model has to be in
    the store. Raises ModelError, and ToolchainError with the end of what the converter said.
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
                write_stamp(made / _MARK, made_by, _files(made))
                known.write_text(str(made), encoding="utf-8")
    except (FetchError, OSError):  # a cache that cannot be written: what is in it may do
        return None
    except ToolchainError as error:
        if CONVERTERS[engine].is_needed:
            raise
        _log.warning("%s", error)
        return None
    progress(label, 1, 1)
    return made


def _made(engine: str, source: Path, log: Path, label: str, progress: StepProgress) -> Path | None:
    status = run_logged(
        [sys.executable, "-P", "-m", CONVERTERS[engine].module, engine, str(source)],
        log=log,
        environment=os.environ
        | {"PYTHONPATH": str(paths.repository()), "PARLEY_CACHE_DIR": str(paths.cache_dir())},
        tick=lambda: progress(label, 0, None),
    )
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    if status != 0:
        reason = said[-1] if said else f"the converter ended with status {status}"
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
    return made if is_stamped(made / _MARK, made_by, _files(made)) else None


def _files(made: Path) -> list[Path]:
    return sorted(made.glob("*.onnx")) + sorted(made.glob("*.gguf"))


def _made_by(engine: str) -> str:
    """What the result depends on, beside the model's files."""
    converter = CONVERTERS[engine]
    hasher = hashlib.sha256()
    for pattern in converter.sources:
        for file in sorted(paths.repository().glob(pattern)):
            hasher.update(file.read_bytes())
    try:
        runtime = version(converter.runtime)
    except PackageNotFoundError:
        runtime = "none"
    code = f"{engine} {hasher.hexdigest()}"
    return f"{code} {converter.runtime} {runtime} {platform.machine()}"
