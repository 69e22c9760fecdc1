"""deploy/update, with programs in Docker's place that keep what they are asked."""

import os
import subprocess
from pathlib import Path

import pytest

from parley import paths

UPDATE = paths.repository() / "deploy" / "update"
ANONYMOUS = "0123456789abcdef" * 4
DOCKER = """#!/bin/bash
echo "$*" >>"$ASKED"
case "$*" in
  "compose ps --quiet "*) printf 'old-1\\nold-2\\n' ;;
  "compose ps --all --quiet "*) printf 'old-1\\nnew-1\\nold-2\\n' ;;
  "compose up "*--wait*) exit "$STARTS" ;;
  "inspect "*) printf 'parley_records\\n%s\\n\\n' "$VOLUME" ;;
esac
"""


def updated(folder: Path, *services: str, starts: int = 0) -> tuple[int, list[str], str]:
    """The status, what Docker was asked in order, and what was said."""
    program, asked = folder / "docker", folder / "asked"
    program.write_text(DOCKER)
    program.chmod(0o755)
    own = {"PARLEY_DOCKER": str(program), "PARLEY_COMPOSE": f"{program} compose"}
    told = {"ASKED": str(asked), "STARTS": str(starts), "VOLUME": ANONYMOUS}
    done = subprocess.run(
        [UPDATE, *services],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **own, **told},
    )
    return done.returncode, asked.read_text().splitlines() if asked.exists() else [], done.stderr


def test_the_new_are_healthy_before_the_old_are_told_and_nothing_of_these_is_left(
    tmp_path: Path,
) -> None:
    status, asked, said = updated(tmp_path, "agent")
    assert status == 0, said
    started = next(n for n, line in enumerate(asked) if "--wait agent" in line)
    assert "--scale agent=4" in asked[started]
    stopped = asked.index("stop old-1 old-2")
    removed = asked.index("rm --volumes old-1 old-2")
    cleared = asked.index(f"volume rm --force {ANONYMOUS}")
    assert started < stopped < removed < cleared
    assert "--scale agent=2 agent" in asked[-1]
    assert not any("parley_records" in line for line in asked), "what has a name is kept"


def test_where_the_new_do_not_become_healthy_the_old_go_on(tmp_path: Path) -> None:
    status, asked, said = updated(tmp_path, "tts", starts=1)
    assert status != 0 and "the old one goes on" in said
    assert "rm --force --volumes new-1" in asked
    assert not any(line.startswith("stop") for line in asked)


@pytest.mark.parametrize("service", ["livekit", "redis", "caddy", "nobody"])
def test_what_cannot_be_replaced_so_is_refused(tmp_path: Path, service: str) -> None:
    status, asked, said = updated(tmp_path, service)
    assert status != 0 and f"{service} is not replaced this way" in said
    assert asked == []
