"""Whether the media of a call can flow on this machine: WebRTC does not use the loopback alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import psutil

from parley.errors import SupervisorError

REMEDY = (
    "connect the machine, or give it an interface of its own: "
    "sudo ip link add parley0 type dummy && sudo ip addr add 10.20.30.40/32 dev parley0 && "
    "sudo ip link set parley0 up"
)
_IP = {"AF_INET", "AF_INET6"}


def why_no_media(
    states: Mapping[str, Any] | None = None,
    addresses: Mapping[str, Sequence[Any]] | None = None,
) -> str | None:
    """One sentence where no interface but the loopback is up with an address; else None.

    Browsers and LiveKit's clients gather no candidates from the loopback, nor from an interface
    that does not run (libwebrtc, `BasicNetworkManager`), though media then flows over it. The
    arguments are as psutil's `net_if_stats` and `net_if_addrs` have them, which are asked where
    they are left out.
    """
    states = psutil.net_if_stats() if states is None else states
    addresses = psutil.net_if_addrs() if addresses is None else addresses
    usable = [
        name
        for name, state in states.items()
        if "running" in state.flags.split(",")  # up, and not without a cable
        and "loopback" not in state.flags.split(",")
        and any(address.family.name in _IP for address in addresses.get(name, ()))
    ]
    if usable:
        return None
    return "no network interface but the loopback is up: no call will connect"


def refuse_without_media() -> None:
    """For who would wait for a call in vain: raises SupervisorError with what to do."""
    if (reason := why_no_media()) is not None:
        raise SupervisorError(f"{reason}: {REMEDY}")
