"""This machine as the others of its network see it."""

from socket import AF_INET

import psutil


def interface_and_address() -> tuple[str, str] | None:
    """The first interface beside the loopback that is up, and its IPv4 address; None: there is
    none."""
    for name, state in psutil.net_if_stats().items():
        flags = state.flags.split(",")
        if "running" in flags and "loopback" not in flags:
            for address in psutil.net_if_addrs().get(name, ()):
                if address.family == AF_INET:
                    return name, str(address.address)
    return None
