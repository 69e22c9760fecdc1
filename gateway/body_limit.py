"""Refuses request bodies that are larger than any honest request."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import ApiError, error_response

MAX_BODY_BYTES = 16_384


class BodyLimit:
    """ASGI middleware: 413 for a body beyond `max_bytes`, announced or found while reading."""

    def __init__(self, app: ASGIApp, *, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            response = error_response(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", self._message()
            )
            await response(scope, receive, send)
            return
        received_bytes = 0

        async def limited() -> Message:
            nonlocal received_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > self._max_bytes:
                raise ApiError(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", self._message()
                )
            return message

        await self._app(scope, limited, send)

    def _message(self) -> str:
        return f"the request's body is larger than {self._max_bytes:,} bytes"
