"""Two Parleys of the same settings on one machine: PARLEY_PORT_OFFSET keeps them apart."""

import json
from contextlib import ExitStack
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from ops.supervisor.stack import Stack, make_parts
from parley.errors import SupervisorError
from parley.settings.port_offset import PORT_OFFSET
from testkit.isolated_config import write_config

pytestmark = pytest.mark.servers

PARTS = ("livekit", "gateway")
"""Those with the most ports, and no model."""
OFFSETS = range(400, 4000, 400)


def room_of(stack: Stack) -> str:
    """Where a caller of its page is sent."""
    asked = Request(
        f"{stack.configuration.page_url}/api/token",
        data=b"{}",
        headers={"Content-Type": "application/json"},
    )
    with urlopen(asked, timeout=30) as answer:
        return str(json.load(answer)["url"])


def has_free_ports(stack: Stack) -> bool:
    """Whether nothing else on this machine listens where it would."""
    try:
        make_parts(stack.configuration, PARTS)
    except SupervisorError:
        return False
    return True


def test_two_checkouts_run_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configs = write_config(tmp_path / "configs", orchestrator={"server": {"admission": "open"}})

    def stack(offset: int) -> Stack:
        monkeypatch.setenv(PORT_OFFSET, str(offset))  # read when it is made and when it starts
        return Stack(configs, tmp_path / str(offset), parts=PARTS)

    with ExitStack() as running:
        first = running.enter_context(stack(0))
        with pytest.raises(SupervisorError, match=r"(?s)in use by .*--port-offset 100 moves all"):
            stack(0).start()
        offset = next(each for each in OFFSETS if has_free_ports(stack(each)))
        second = running.enter_context(stack(offset))
        ports = [each.configuration.orchestrator.server.port for each in (first, second)]
        assert ports[1] == ports[0] + offset
        for each in (first, second):
            assert room_of(each) == each.configuration.orchestrator.livekit.url
            assert {status.state for status in each.status} == {"ready"}
        assert room_of(first) != room_of(second)
