"""`./run proto`: the gRPC code under parley/rpc/v1, and whether it still equals the contract."""

import filecmp
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from parley import paths
from parley.arguments import CommandParser
from parley.errors import ParleyError

_PACKAGE = Path("parley/rpc/v1")


def main(arguments: list[str]) -> int:
    make_parser().parse_args(arguments)
    generate(paths.repository())
    return 0


def generate(to: Path) -> None:
    """Writes the code of every .proto file under `to`; raises ParleyError when protoc refuses."""
    bin_dir = Path(sys.executable).parent  # `python` and protoc's plugins are those of this venv
    environment = {**os.environ, "PATH": f"{bin_dir}{os.pathsep}{os.environ.get('PATH', '')}"}
    generator = paths.repository() / "proto" / "generate"
    done = subprocess.run(
        [generator, to], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ParleyError(f"{generator} failed: {done.stderr.strip()}")


def stale_files() -> list[Path]:
    """The generated files that differ from what proto/ gives, are missing, or have no source."""
    committed = paths.repository() / _PACKAGE
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = Path(folder) / _PACKAGE
        names = {file.name for where in (fresh, committed) for file in where.glob("*_pb2*.py*")}
        _, differing, missing = filecmp.cmpfiles(fresh, committed, sorted(names), shallow=False)
    return [_PACKAGE / name for name in sorted(differing + missing)]


def make_parser() -> CommandParser:
    return CommandParser(prog="./run proto", description=__doc__)
