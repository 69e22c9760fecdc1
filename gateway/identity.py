"""Whose request it is: who has signed in at a trusted proxy, else the client's address."""

import hashlib
import hmac
from collections.abc import Collection
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.client_address import is_in

USER = "parley.user"
"""Of an ASGI scope: who has signed in, as the proxy names them."""
LONGEST_USER = 320
"""The longest e-mail address."""

_PURPOSE = b"parley budget\0"


class SignedInUser:
    """ASGI middleware: believes the header `header` of `proxies`, and of nobody else.

    Stands outside of ClientAddress: it is the one that connected who has to be a proxy. A header
    that comes twice is not believed: one of the two may be the client's.
    """

    def __init__(self, app: ASGIApp, *, header: str, proxies: Collection[str]) -> None:
        self._app = app
        self._header = header
        self._proxies = [ip_network(proxy) for proxy in proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if self._header and client and is_in(client[0], self._proxies):
            named = Headers(scope=scope).getlist(self._header)
            if len(named) == 1 and 0 < len(named[0].strip()) <= LONGEST_USER:
                scope = {**scope, USER: named[0].strip()}
        await self._app(scope, receive, send)


def subscriber(address: str) -> str:
    """What counts as one client: an IPv6 subscriber holds a whole /64."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is None:
        return ip.exploded[:19]
    return address


def who_asks(connection: HTTPConnection) -> str:
    """One text for each user, or for each client where nobody has signed in."""
    user = connection.scope.get(USER)
    if user:
        return f"user {user}"
    return subscriber(connection.client.host) if connection.client else ""


class Identities:
    """Names those who ask by letters that tell nothing of them: processes with the same secret by
    the same ones."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def of(self, connection: HTTPConnection) -> str:
        """Empty where nothing is known of who asks."""
        who = who_asks(connection)
        if not who:
            return ""
        return hmac.new(self._secret, _PURPOSE + who.encode(), hashlib.sha256).hexdigest()[:32]
