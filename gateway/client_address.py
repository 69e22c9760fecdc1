"""Who asks: the address that a trusted proxy names, else the one that connected."""

from collections.abc import Collection
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send


class ClientAddress:
    """ASGI middleware: replaces `scope["client"]` where X-Forwarded-For is to be believed.

    Each proxy adds the address that it was asked from at the right end, so the right-most address
    that is no trusted proxy counts: what stands left of it a client may have made up. `proxies`
    are addresses or networks; without them, and from anybody else, the header is ignored.
    """

    def __init__(self, app: ASGIApp, *, proxies: Collection[str]) -> None:
        self._app = app
        self._proxies = [ip_network(proxy) for proxy in proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._proxies and scope.get("client"):
            address, port = scope["client"]
            behind = self._behind(address, Headers(scope=scope).getlist("x-forwarded-for"))
            scope = dict(scope, client=(behind, port if behind == address else 0))
        await self._app(scope, receive, send)

    def _behind(self, address: str, forwarded: list[str]) -> str:
        hops = [hop.strip() for line in forwarded for hop in line.split(",")]
        while hops and is_in(address, self._proxies):
            hop = _address(hops.pop())
            if hop is None:  # what a proxy did not write is not believed
                break
            address = hop
        return address


def _address(text: str) -> str | None:
    """The address of a hop, which some proxies write with a port."""
    host = text
    if text.startswith("["):
        host = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        host = text.partition(":")[0]
    try:
        return str(ip_address(host))
    except ValueError:
        return None


def is_in(address: str, networks: Collection[IPv4Network | IPv6Network]) -> bool:
    """Whether it is an address of one of them; an IPv4 address may be written as IPv6."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return any(ip in network for network in networks)
