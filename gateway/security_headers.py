"""The security headers of every answer."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EMBED_SCRIPT = "/embed.js"
"""The one file that pages of other origins load."""


class SecurityHeaders:
    """ASGI middleware: lets the page load only from here and connect only here and to LiveKit.

    Pages of the origins `embedders` may show it in a frame.
    """

    def __init__(self, app: ASGIApp, *, livekit_url: str, embedders: Collection[str] = ()) -> None:
        self._app = app
        self._headers = {
            "Content-Security-Policy": content_security_policy(livekit_url, embedders),
            "Permissions-Policy": (
                "microphone=(self), speaker-selection=(self), autoplay=(self), camera=(), "
                "display-capture=(), geolocation=(), payment=(), usb=()"
            ),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        if not embedders:  # with some there is no value that says so: the policy above has it
            self._headers["X-Frame-Options"] = "DENY"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                if scope.get("path") == EMBED_SCRIPT:
                    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
            await send(message)

        await self._app(scope, receive, with_headers)


def content_security_policy(livekit_url: str, embedders: Collection[str] = ()) -> str:
    """The policy for a page that talks to LiveKit at `livekit_url` (ws:// or wss://)."""
    address = urlsplit(livekit_url)
    # The client asks the same address over HTTP why a connection was refused.
    http = "https" if address.scheme == "wss" else "http"
    ancestors = " ".join(embedders) or "'none'"
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "media-src 'self' blob:",
            "manifest-src 'self'",
            f"connect-src 'self' {address.scheme}://{address.netloc} {http}://{address.netloc}",
            "base-uri 'none'",
            "form-action 'self'",
            f"frame-ancestors {ancestors}",
        )
    )
