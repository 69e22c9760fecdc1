"""Which pages of other origins may ask the gateway for a call (CORS)."""

from collections.abc import Collection

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

SHARED_PATHS = frozenset({"/api/about", "/api/token", "/api/voices", "/liveness"})
"""What a page needs to begin a call of its own, and to see whether it may embed ours."""
PREFLIGHT_VALID_S = 600


class CrossOrigin:
    """ASGI middleware: answers preflight requests, and lets pages of `origins` read the answers.
    `paths`: those that it is for; None: all."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        origins: Collection[str],
        paths: Collection[str] | None = SHARED_PATHS,
    ) -> None:
        self._app = app
        self._paths = paths
        self._shared = CORSMiddleware(
            app,
            allow_origins=list(origins),
            allow_methods=["GET", "POST"],
            allow_headers=["*"],  # clients may be told to send headers to whatever is before us
            expose_headers=["Retry-After"],
            max_age=PREFLIGHT_VALID_S,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_shared = self._paths is None or scope.get("path") in self._paths
        shared = scope["type"] == "http" and is_shared
        await (self._shared if shared else self._app)(scope, receive, send)
