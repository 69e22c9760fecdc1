"""Graphs that an engine makes of a model's own, on disk: made once, proven, then only loaded.

Their folder in the cache holds them and `proof.json`. The proof is void, and they are made anew,
when a file, onnxruntime or what else they were made by has changed.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import onnxruntime

from parley import paths
from parley.fetch import locked, staged

_PROOF = "proof.json"


def proven_graphs(
    source: Path,
    names: Sequence[str],
    make: Callable[[Path], None],
    *,
    version: int,
    **made_by: Any,
) -> Path:
    """The folder with the graphs `names` of `source`; where they are not cached, `make` first
    writes them into the folder that it is given, and proves them.

    `version` is that of the code that makes them; `made_by`: what they depend on beside it.
    Processes that ask at once make them once. Raises FetchError, OSError and what `make` raises.
    """
    depends_on = {"version": version, "onnxruntime": onnxruntime.__version__, **made_by}
    target = paths.cache_dir() / "graphs" / f"{file_sha256(source)[:24]}.{version}"
    if not _is_proven(target, depends_on):
        with locked(target):
            if not _is_proven(target, depends_on):
                _keep(target, names, make, depends_on)
    return target


def file_sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _keep(
    target: Path,
    names: Sequence[str],
    make: Callable[[Path], None],
    depends_on: Mapping[str, Any],
) -> None:
    with staged(target) as staging:
        result = staging / "result"
        result.mkdir()
        make(result)
        files = {name: file_sha256(result / name) for name in names}
        proof = {"made_by": depends_on, "files": files}
        (result / _PROOF).write_text(json.dumps(proof), "utf-8")
        shutil.rmtree(target, ignore_errors=True)
        result.rename(target)


def _is_proven(target: Path, depends_on: Mapping[str, Any]) -> bool:
    try:
        proof = json.loads((target / _PROOF).read_text("utf-8"))
        return proof["made_by"] == depends_on and all(
            file_sha256(target / name) == expected for name, expected in proof["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False
