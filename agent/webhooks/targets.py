"""Which addresses events may be sent to: none of this machine or its network, unless it is wanted.

Checked when the connection is made, not before: a name may mean another address a moment later.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from parley.errors import ConfigurationError


def check_url(url: str, *, private: bool) -> None:
    """Raises ConfigurationError for http, or a literal address of a private network."""
    parts = urlsplit(url)
    if private:
        return
    if parts.scheme != "https":
        raise ConfigurationError(
            "webhooks.url is not https: what people say would go over the network in clear; "
            "webhooks.private allows it"
        )
    if _is_private(parts.hostname or ""):
        raise ConfigurationError(
            "webhooks.url is an address of a private network: webhooks.private allows it"
        )


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses alone. Raises OSError where there are none."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        public = [each for each in found if not _is_private(each["host"])]
        if not public:
            raise OSError(f"{host} is an address of a private network (webhooks.private)")
        return public

    async def close(self) -> None:
        await self._resolver.close()


def _is_private(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return not address.is_global
