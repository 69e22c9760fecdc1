"""A machine on which only the loopback is up says so: every part is ready, and no call connects."""

import socket
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from ops.supervisor.media_network import why_no_media
from parley import paths


def state(flags: str) -> Any:
    return SimpleNamespace(flags=flags)


def address(family: socket.AddressFamily) -> Any:
    return SimpleNamespace(family=family)


V4, V6, LINK = (address(f) for f in (socket.AF_INET, socket.AF_INET6, socket.AF_PACKET))
LOOPBACK = ("lo", state("up,loopback,running"), [V4, V6])


@pytest.mark.parametrize(
    "others",
    [
        [],
        [("eth0", state("up,broadcast,multicast"), [V4])],  # a cable that was pulled
        [("wlan0", state("up,broadcast,running"), [LINK])],  # no address yet
        [("lo:1", state("up,loopback,running"), [V4]), ("docker0", state("broadcast"), [V4])],
    ],
)
def test_without_a_usable_interface_no_call_connects(others: list[Any]) -> None:
    there = [LOOPBACK, *others]
    reason = why_no_media({n: s for n, s, _ in there}, {n: a for n, _, a in there})
    assert reason is not None
    assert "no call will connect" in reason


@pytest.mark.parametrize(
    "other",
    [
        ("eth0", state("up,broadcast,running"), [LINK, V4]),
        ("wlan0", state("up,broadcast,running"), [V6]),
        ("parley0", state("up,broadcast,running,noarp"), [V4]),
    ],
)
def test_any_interface_that_is_up_with_an_address_will_do(other: Any) -> None:
    there = [LOOPBACK, other]
    assert why_no_media({n: s for n, s, _ in there}, {n: a for n, _, a in there}) is None


def test_a_machine_that_has_nothing_else_says_so() -> None:
    asked = "from ops.supervisor.media_network import why_no_media; print(why_no_media())"
    alone = ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$0" -c "$1"']
    done = subprocess.run(
        [*alone, sys.executable, asked],
        cwd=paths.repository(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("a network of one's own needs root, and ip")
    assert "no network interface but the loopback is up" in done.stdout
