"""Who may ask: the key of a request or the ticket of a WebSocket, its scopes and its limit."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Request, Security, WebSocket
from fastapi.security import APIKeyHeader
from starlette.requests import HTTPConnection

from dialogue.limits.buckets import Buckets
from gateway.errors import ApiError
from gateway.keys.key import IssuedKey, KeyScope, KeySecret, id_in
from gateway.keys.store import KeyStore, KeyStoreError
from gateway.keys.tickets import Ticket, Tickets
from parley.clock import Clock

HEADER = "X-API-Key"
KEY_HEADER = APIKeyHeader(name=HEADER, auto_error=False, description="`./run keys create`")
"""For the API's description; KeyGuard itself looks at the header."""
TICKET = "ticket"
"""The query parameter of a WebSocket's address."""


@dataclass(frozen=True)
class Caller:
    """`id` of the key it showed; empty: nobody has to show one."""

    id: str
    name: str


ANYBODY = Caller("", "")


class KeyGuard:
    """Asks for a key where `required`; otherwise everybody may do everything.

    `clock`: seconds since 1970. Closes the store and the tickets, which are its own; the buckets
    stay whoever's they are.
    """

    def __init__(
        self,
        store: KeyStore,
        secret: KeySecret,
        tickets: Tickets,
        buckets: Buckets,
        *,
        required: bool,
        per_minute: int,
        clock: Clock = time.time,
    ) -> None:
        self._store = store
        self._secret = secret
        self._tickets = tickets
        self._buckets = buckets
        self.required = required
        self._per_minute = per_minute
        self._clock = clock

    async def caller(self, connection: HTTPConnection, scope: KeyScope) -> Caller:
        """Who asks. Raises ApiError: 401 without a valid key, 403 where it lacks the scope, 429
        with Retry-After beyond its limit, 503 where keys cannot be looked up."""
        if not self.required:
            return ANYBODY
        return await self._admitted(await self._key(connection), scope)

    def needing(self, scope: KeyScope) -> Callable[..., Awaitable[Caller]]:
        """A FastAPI dependency: `Depends(guard.needing(KeyScope.OPERATE))`. Where a key is
        required, the API's description says so."""

        async def caller(request: Request) -> Caller:
            return await self.caller(request, scope)

        async def caller_with_key(
            request: Request, _: Annotated[str | None, Security(KEY_HEADER)]
        ) -> Caller:
            return await self.caller(request, scope)

        return caller_with_key if self.required else caller

    async def socket_caller(self, websocket: WebSocket, scope: KeyScope) -> Caller | None:
        """Who opens it, by a ticket in the query or a key in the header; None: nobody who may,
        and it is to be closed with 1008."""
        try:
            return await self.caller(websocket, scope)
        except ApiError:
            return None

    async def ticket(self, request: Request) -> Ticket:
        """For the holder of the key that the request shows; raises ApiError as `caller` does."""
        key = await self._key(request)
        await self._admitted(key, None)
        return self._tickets.issue(key.id)

    async def aclose(self) -> None:
        await self._tickets.aclose()
        await self._store.aclose()

    async def _key(self, connection: HTTPConnection) -> IssuedKey:
        try:
            key = await self._shown(connection)
        except KeyStoreError:
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "keys_unavailable",
                "keys cannot be looked up now",
                retry_after_s=1,
            ) from None
        if key is None or not key.is_valid(self._clock()):
            raise ApiError(
                HTTPStatus.UNAUTHORIZED,
                "key_required",
                f"a valid key is needed, in the header {HEADER}",
            )
        return key

    async def _shown(self, connection: HTTPConnection) -> IssuedKey | None:
        ticket = connection.query_params.get(TICKET, "")
        if ticket and connection.scope["type"] == "websocket":
            key_id = await self._tickets.redeem(ticket)
            return await self._store.find(key_id) if key_id else None
        text = connection.headers.get(HEADER, "")
        key_id = id_in(text)
        key = await self._store.find(key_id) if key_id else None
        return key if key is not None and self._secret.is_of(text, key) else None

    async def _admitted(self, key: IssuedKey, scope: KeyScope | None) -> Caller:
        if scope is not None and scope not in key.scopes:
            raise ApiError(
                HTTPStatus.FORBIDDEN, "scope_missing", f"this key may not be used to {scope}"
            )
        limit = key.per_minute or self._per_minute
        retry_after_s = await self._buckets.retry_after_s(f"key:{key.id}", limit)
        if retry_after_s is not None:
            raise ApiError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "rate_limited",
                f"this key may ask {limit} times a minute",
                retry_after_s=retry_after_s,
            )
        return Caller(key.id, key.name)
