"""The environment of an engine: what its lock pins, whole, once."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from ops.toolchain.engine_environment import COSYVOICE, EngineEnvironment
from parley.errors import ToolchainError
from tests.models.conftest import make_wheel


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EngineEnvironment:
    """One that pins a wheel of one module, in a cache and from an index of the test's own."""
    wheels = tmp_path / "wheels"
    make_wheel(wheels, "tiny_engine", {"tiny_engine.py": b"SOUND = 'beep'\n"})
    monkeypatch.setenv("PARLEY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    wheel = wheels / "tiny_engine-1.0-py3-none-any.whl"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"tiny-engine==1.0 --hash=sha256:{digest}\n")
    return EngineEnvironment("tiny", lock)


def speaks(python: Path) -> bool:
    asked = subprocess.run([python, "-c", "import tiny_engine"], check=False, capture_output=True)
    return asked.returncode == 0


def test_environment_holds_what_its_lock_pins(environment: EngineEnvironment) -> None:
    assert environment.find() is None
    python = environment.ensure()
    assert speaks(python)
    assert environment.find() == python


def test_complete_environment_is_not_made_again(
    environment: EngineEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = environment.ensure()
    monkeypatch.setenv("UV", "/no/such/uv")
    assert environment.ensure() == python


def test_another_lock_is_another_environment(environment: EngineEnvironment) -> None:
    environment.ensure()
    environment.lock.write_text(environment.lock.read_text() + "# pinned anew\n")
    assert environment.find() is None
    assert speaks(environment.ensure())


def test_interrupted_environment_is_taken_up_again(environment: EngineEnvironment) -> None:
    def interrupt(label: str, done: int, total: int | None) -> None:
        if (environment.folder / "bin" / "python").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        environment.ensure(progress=interrupt)
    assert environment.find() is None
    assert speaks(environment.ensure())


def test_wheel_with_another_hash_is_refused(environment: EngineEnvironment) -> None:
    environment.lock.write_text(f"tiny-engine==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(ToolchainError, match="tiny environment"):
        environment.ensure()
    assert environment.find() is None


def test_cosyvoice_lock_names_a_hash_for_every_package_and_no_registry() -> None:
    lock = COSYVOICE.lock.read_text(encoding="utf-8")
    assert "cosyvoice2-eu==" in lock
    pins = lock.replace("\\\n", " ").strip().splitlines()
    assert [pin for pin in pins if "--hash=sha256:" not in pin] == []
    assert "://" not in lock
