"""Which browsers' requests are served: by a name that is ours, and for a page that may ask.

A page of another site cannot read our answers, but without this it could have a visitor's browser
ask for calls until the visitor's own are refused; and where its name resolves to this machine (DNS
rebinding) it would be our own page to the browser.
"""

import re
from collections.abc import Collection
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.errors import error_response
from parley.settings.values import is_ip

ANY = "*"
POLICY = 1008
"""What a WebSocket is closed with that may not be opened."""
LOCAL_SUFFIXES = (".localhost", ".local", ".internal")
"""Nobody can register a name below these, nor one without a dot."""
_NAME = re.compile(r"[a-z0-9._:-]+")
_READS = ("GET", "HEAD", "OPTIONS")


class SameSite:
    """ASGI middleware: 421 for a name of another's, 403 for a page that may not ask, be it for a
    WebSocket.

    `hosts` are names beside addresses and local ones; `origins` pages that may ask.
    """

    def __init__(self, app: ASGIApp, *, hosts: Collection[str], origins: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "websocket":  # which browsers open for any page
            headers = Headers(scope=scope)
            host = headers.get("host", "")
            if (host and not self._is_ours(host)) or not self._may_ask(headers, host):
                await send({"type": "websocket.close", "code": POLICY})
                return
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            host = headers.get("host", "")
            if host and not self._is_ours(host):
                app = error_response(
                    HTTPStatus.MISDIRECTED_REQUEST,
                    "unknown_host",
                    "this gateway is not known by that name: server.allowed_hosts lists its names",
                )
            elif scope["method"] not in _READS and not self._may_ask(headers, host):
                app = error_response(
                    HTTPStatus.FORBIDDEN,
                    "foreign_page",
                    "pages of other origins may not ask: server.allowed_origins lists those that "
                    "may",
                )
        await app(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").removesuffix(".")
        except ValueError:
            return False
        if ANY in self._hosts or name in self._hosts:
            return True
        if not _NAME.fullmatch(name):
            return False
        return "." not in name or name.endswith(LOCAL_SUFFIXES) or is_ip(name)

    def _may_ask(self, headers: Headers, host: str) -> bool:
        origin = headers.get("origin")
        if origin in self._origins:
            return True
        site = headers.get("sec-fetch-site")  # browsers write it, and pages cannot
        if site is not None:
            return site in ("same-origin", "none")
        return origin is None or origin.partition("://")[2] == host
