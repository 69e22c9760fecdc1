"""What holds keys, words or logs is its owner's alone, also where it was open before."""

import stat
from pathlib import Path

import pytest

from ops.supervisor.configuration import read_configuration
from ops.supervisor.keys import livekit_keys
from ops.supervisor.part_log import PartLog
from ops.supervisor.record import the_only_supervisor
from parley.private import open_private, private_folder, write_private
from testkit.isolated_config import write_config


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@pytest.mark.parametrize("was", [None, 0o644, 0o640, 0o666, 0o604])
def test_what_up_writes_is_for_its_owner_alone(tmp_path: Path, was: int | None) -> None:
    state = tmp_path / "state"
    if was is not None:
        (state / "logs").mkdir(parents=True)
        for name in ("livekit.yaml", "logs/agent.log"):
            (state / name).touch()
            (state / name).chmod(was)
    configuration = read_configuration(write_config(tmp_path / "configs"), state)
    livekit_keys(configuration)
    with the_only_supervisor(state):
        configuration.write_livekit_config()
        log = PartLog(state / "logs" / "agent.log", max_bytes=10)
        for _ in range(4):
            log.write(b"a line of a log\n")
        log.close()
    if was is None:
        assert mode(state) == mode(state / "logs") == 0o700
    private = [state / "livekit.yaml", state / "keys.env", *(state / "logs").iterdir()]
    assert len(private) > 4
    assert {mode(file) for file in private} == {0o600}


@pytest.mark.parametrize("mask", ["append", "truncate", "replace"])
def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path, mask: str) -> None:
    file = tmp_path / "file"
    file.write_text("old ")
    file.chmod(0o666)
    if mask == "replace":
        write_private(file, "new")
    else:
        with open_private(file, append=mask == "append") as stream:
            stream.write(b"new")
    assert mode(file) == 0o600
    assert file.read_text() == ("old new" if mask == "append" else "new")
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    private_folder(tmp_path)
    private_folder(tmp_path / "new")
    assert (mode(tmp_path), mode(tmp_path / "new")) == (0o755, 0o700)
