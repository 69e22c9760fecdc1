"""The security headers of every answer."""

from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class SecurityHeaders:
    """ASGI middleware: lets the page load only from here and connect only here and to LiveKit."""

    def __init__(self, app: ASGIApp, *, livekit_url: str) -> None:
        self._app = app
        self._headers = {
            "Content-Security-Policy": content_security_policy(livekit_url),
            "Permissions-Policy": (
                "microphone=(self), speaker-selection=(self), autoplay=(self), camera=(), "
                "display-capture=(), geolocation=(), payment=(), usb=()"
            ),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        await self._app(scope, receive, with_headers)


def content_security_policy(livekit_url: str) -> str:
    """The policy for a page that talks to LiveKit at `livekit_url` (ws:// or wss://)."""
    address = urlsplit(livekit_url)
    # The client asks the same address over HTTP why a connection was refused.
    http = "https" if address.scheme == "wss" else "http"
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
            "frame-ancestors 'none'",
        )
    )
