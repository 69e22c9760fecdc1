"""`./run lock`: writes requirements.lock, every dependency of every extra with its hashes."""

import argparse
import shutil
import subprocess

from parley import paths
from parley.errors import ParleyError

OLDEST_PYTHON = "3.11"


def main(arguments: list[str]) -> int:
    argparse.ArgumentParser(prog="./run lock", description=__doc__).parse_args(arguments)
    uv = shutil.which("uv", path=paths.repository() / ".venv" / "bin") or shutil.which("uv")
    if uv is None:
        raise ParleyError("uv is not installed; start this through ./run, which brings it")
    command = [uv, "pip", "compile", "pyproject.toml", "--output-file", "requirements.lock"]
    command += ["--all-extras", "--universal", "--python-version", OLDEST_PYTHON]
    command += ["--generate-hashes", "--no-emit-index-url", "--no-annotate", "--no-header", "-q"]
    return subprocess.run(command, cwd=paths.repository(), check=False).returncode
