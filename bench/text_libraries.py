"""Libraries that say text, each in an environment of its own, beside which our rules are scored.

None is a dependency: an environment is made by uv in the cache folder when it is first asked for,
and the library runs there in a process of its own. One that cannot be had is absent, with why.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parley import paths

INSTALL_TIMEOUT_S = 600
RUN_TIMEOUT_S = 900

_HARNESS = """
import contextlib, json, sys, time
written = json.load(sys.stdin)
with contextlib.redirect_stdout(sys.stderr):
    {load}
    said, took_s = [], []
    for text in written:
        began = time.perf_counter()
        try:
            words = say(text)
        except Exception as error:
            words = "(" + type(error).__name__ + ")"
        took_s.append(time.perf_counter() - began)
        said.append(words)
json.dump({{"said": said, "took_s": took_s}}, sys.stdout)
"""


@dataclass(frozen=True)
class Library:
    """`load` is Python that defines `say(text) -> str`."""

    name: str
    requirement: str
    license: str
    load: str


LIBRARIES = (
    Library(
        "wetext",
        "wetext==0.1.8",
        "Apache-2.0",
        "from wetext import Normalizer; say = Normalizer(lang='en', operator='tn').normalize",
    ),
    Library(
        "nemo",
        "nemo_text_processing==1.2.0",
        "Apache-2.0",
        "from nemo_text_processing.text_normalization.normalize import Normalizer; "
        "import os; os.makedirs('grammars', exist_ok=True); "
        "grammar = Normalizer(input_case='cased', lang='en', cache_dir='grammars'); "
        "say = lambda text: grammar.normalize(text, punct_post_process=True)",
    ),
    Library(
        "damga",
        "damga==1.0.5",
        "Apache-2.0",
        "import damga; say = lambda text: damga.tn(text, lang='en')",
    ),
    Library(
        "num2words",
        "num2words==0.5.14",
        "LGPL",
        "import re; from num2words import num2words; "
        "say = lambda text: re.sub(r'\\d+(?:,\\d{3})*(?:\\.\\d+)?', "
        "lambda m: ' ' + num2words(m[0].replace(',', '')) + ' ', text)",
    ),
)


@dataclass(frozen=True)
class LibraryRun:
    """What a library said, in order, and how long each text took."""

    said: tuple[str, ...]
    took_s: tuple[float, ...]


@dataclass(frozen=True)
class Absent:
    """A library that could not be had or failed: why."""

    why: str


def run(library: Library, written: Sequence[str]) -> LibraryRun | Absent:
    """All texts through a library; its environment is made first where there is none."""
    folder = paths.cache_dir() / "bench-text" / library.requirement
    python = folder / "bin" / "python"
    try:
        if not (folder / "made").exists():
            _make(folder, library.requirement)
        done = subprocess.run(
            [python, "-c", _HARNESS.format(load=library.load)],
            input=json.dumps(list(written)),
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S,
            cwd=folder,
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(folder)},
            check=True,
        )
        answer = json.loads(done.stdout)
    except subprocess.CalledProcessError as error:
        return Absent(_last_line(error.stderr) or f"status {error.returncode}")
    except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError) as error:
        return Absent(str(error))
    return LibraryRun(tuple(map(str, answer["said"])), tuple(answer["took_s"]))


def _make(folder: Path, requirement: str) -> None:
    """Raises OSError or CalledProcessError; leaves nothing that counts as made."""
    beside = Path(sys.executable).parent / "uv"
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        raise OSError("there is no uv to make its environment with")
    shutil.rmtree(folder, ignore_errors=True)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for command in (
        [uv, "venv", "--quiet", "--python", version, str(folder)],
        [uv, "pip", "install", "--quiet", "--python", str(folder / "bin/python"), requirement],
    ):
        subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=True
        )
    (folder / "made").touch()


def _last_line(text: str | None) -> str:
    lines = [line for line in (text or "").splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""
