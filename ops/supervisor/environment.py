"""The environment of each part: what it needs to work, and no secret of another's."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from parley import paths
from parley.settings.port_offset import PORT_OFFSET
from parley.settings.source import Section, environment_variables

_EVERYWHERE = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|XDG_CACHE_HOME"
    r"|SSL_CERT_(FILE|DIR)|(?i:(https?|all|no)_proxy)"
)
# Workers may fetch models, and run on accelerators; libraries read these, not our settings.
_WORKERS = re.compile(
    r"(UV|PIP|HF)_\w+|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(CUDA|NVIDIA|ROCR|HIP)_\w+"
    r"|PYTORCH_CUDA_ALLOC_CONF"
)
_GRPC = re.compile(r"GRPC_(VERBOSITY|TRACE)")
_REFERENCE = re.compile(r"\$\{([A-Za-z_]\w*)")


def base_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What any program needs to run here."""
    return {name: value for name, value in environ.items() if _EVERYWHERE.fullmatch(name)}


def part_environment(
    settings: type[Section],
    config_file: Path,
    *,
    state_dir: Path,
    threads: int,
    is_worker: bool = False,
    withheld: frozenset[str] = frozenset(),
    also: frozenset[str] = frozenset(),
    environ: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """The environment of a part in Python that reads `settings` from `config_file`.

    Of the settings' own variables it gets those that are set and not `withheld`, those that the
    file refers to as `${NAME}`, those named in `also`, and the one that moves the ports. `threads`
    bounds the pools of numeric libraries, which would each take every core.
    """
    own = {name for _, name in environment_variables(settings)} - withheld | also | {PORT_OFFSET}
    if config_file.exists():
        own |= set(_REFERENCE.findall(config_file.read_text(encoding="utf-8")))
    passed = {
        name: value
        for name, value in environ.items()
        if name in own or _GRPC.fullmatch(name) or (is_worker and _WORKERS.fullmatch(name))
    }
    return {
        **base_environment(environ),
        **passed,
        "PYTHONPATH": str(paths.repository()),
        "PYTHONUNBUFFERED": "1",
        "PARLEY_CONFIG_DIR": str(config_file.parent),
        "PARLEY_STATE_DIR": str(state_dir),
        "PARLEY_CACHE_DIR": str(paths.cache_dir()),
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": "1",
    }
