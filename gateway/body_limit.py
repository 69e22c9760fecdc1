"""Refuses request bodies that are larger than any honest request."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import ApiError, error_response

MAX_BODY_BYTES = 16_384


class BodyLimit:
    """ASGI middleware: 413 for a body beyond `max_bytes`, announced or found while reading;
    `larger` has the limits of paths that take more."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int = MAX_BODY_BYTES,
        larger: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        max_bytes = self._larger.get(scope["path"], self._max_bytes)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > max_bytes:
            response = error_response(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", _message(max_bytes)
            )
            await response(scope, receive, send)
            return
        received_bytes = 0

        async def limited() -> Message:
            nonlocal received_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > max_bytes:
                raise ApiError(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", _message(max_bytes)
                )
            return message

        await self._app(scope, limited, send)


def _message(max_bytes: int) -> str:
    return f"the request's body is larger than {max_bytes:,} bytes"
