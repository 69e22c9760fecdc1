"""`./run lock`: writes the lock files, every dependency with its hashes."""

import shutil
import subprocess

from parley import paths
from parley.arguments import CommandParser
from parley.errors import ParleyError

OLDEST_PYTHON = "3.11"

_ENGINE = "workers/engines/cosyvoice"
_PEERS = "bench/peers"
RUNNING = (
    "agent dialogue postgres piper hibari kokoro whisper moonshine llm gateway orchestrator "
    "shopping caller fetch"
).split()
"""The extras that `up` and its sisters need: a first start waits for no others."""

IMAGES = {
    "agent": "agent dialogue postgres s3",
    "gateway": "gateway s3",
    "chat": "dialogue orchestrator postgres shopping aws",
    "orchestrator": "dialogue orchestrator postgres",
    "tts": "piper hibari kokoro",
    "asr": "moonshine whisper",
    "llm": "dialogue llm",
    "models": "fetch",
}
"""The extras of each image of deploy/docker: what its process imports, and no more."""

_COMPILATIONS = (
    ("pyproject.toml", "--all-extras", "--output-file", "requirements.lock"),
    (
        *("pyproject.toml", *(f"--extra={extra}" for extra in RUNNING)),
        *("--constraint", "requirements.lock", "--output-file", "requirements-run.lock"),
    ),
    *(
        (
            *("pyproject.toml", *(f"--extra={extra}" for extra in extras.split())),
            *("--constraint", "requirements.lock"),
            *("--output-file", f"deploy/docker/locks/{image}.lock"),
        )
        for image, extras in IMAGES.items()
    ),
    # The engine that has an environment of its own.
    (
        *("pyproject.toml", f"{_ENGINE}/requirements.in"),
        *("--overrides", f"{_ENGINE}/overrides.txt"),
        *("--output-file", f"{_ENGINE}/requirements.lock"),
    ),
    # What `./run bench response --peers` measures beside us.
    (f"{_PEERS}/livekit.in", "--output-file", f"{_PEERS}/livekit.lock"),
    (f"{_PEERS}/pipecat.in", "--output-file", f"{_PEERS}/pipecat.lock"),
)


def main(arguments: list[str]) -> int:
    make_parser().parse_args(arguments)
    uv = shutil.which("uv", path=paths.repository() / ".venv" / "bin") or shutil.which("uv")
    if uv is None:
        raise ParleyError("uv is not installed; start this through ./run, which brings it")
    options = ["--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes"]
    options += ["--no-emit-index-url", "--no-annotate", "--no-header", "-q"]
    for compilation in _COMPILATIONS:
        command = [uv, "pip", "compile", *compilation, *options]
        status = subprocess.run(command, cwd=paths.repository(), check=False).returncode
        if status != 0:
            return status
    return 0


def make_parser() -> CommandParser:
    return CommandParser(prog="./run lock", description=__doc__)
