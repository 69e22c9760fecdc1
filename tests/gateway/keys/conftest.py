"""An application behind keys, served on a port, with a clock that is turned."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import aiohttp
import pytest
import uvicorn
from fastapi import Depends, FastAPI, WebSocket

from dialogue.breakers.breaker import BreakerPolicy, Breakers
from dialogue.limits.buckets import LocalBuckets
from gateway.errors import install_error_handlers
from gateway.keys.guard import Caller, KeyGuard
from gateway.keys.key import KeyScope, KeySecret, NewKey
from gateway.keys.routes import key_routes
from gateway.keys.store import KeyStore
from gateway.keys.tickets import Tickets
from gateway.operations.breaker_routes import breaker_routes
from gateway.operations.config_routes import config_routes
from parley.settings.orchestrator import OrchestratorSettings

SECRET = KeySecret("a secret of the suite, longer than thirty-two")
BEGAN_S = 1_800_000_000.0
STARTS_WITHIN_S = 60.0


class WallClock:
    """Seconds since 1970, as long as nobody turns it."""

    def __init__(self) -> None:
        self.now_s = BEGAN_S

    def __call__(self) -> float:
        return self.now_s


@dataclass
class GuardedApp:
    """The application at `url`; `http` asks it."""

    url: str
    http: aiohttp.ClientSession
    store: KeyStore
    guard: KeyGuard
    breakers: Breakers
    clock: WallClock

    async def new_key(
        self,
        *scopes: KeyScope,
        per_minute: int | None = None,
        keep_s: float | None = None,
    ) -> NewKey:
        new = SECRET.create(
            "a test",
            scopes or tuple(KeyScope),
            per_minute=per_minute,
            now_s=self.clock(),
            keep_s=keep_s,
        )
        await self.store.add(new.key)
        return new

    async def get(self, path: str, key: str = "") -> tuple[int, dict[str, object], str]:
        """Status, body and Retry-After."""
        headers = {"X-API-Key": key} if key else {}
        async with self.http.get(f"{self.url}{path}", headers=headers) as response:
            return (
                response.status,
                await response.json(),
                response.headers.get("Retry-After", ""),
            )

    async def post(self, path: str, key: str = "") -> tuple[int, dict[str, object]]:
        headers = {"X-API-Key": key} if key else {}
        async with self.http.post(f"{self.url}{path}", headers=headers) as response:
            return response.status, await response.json()

    async def socket(self, query: str = "", key: str = "") -> tuple[int | None, str]:
        """The code that a WebSocket was closed with, and what it said before."""
        headers = {"X-API-Key": key} if key else {}
        async with self.http.ws_connect(f"{self.url}/talk{query}", headers=headers) as ws:
            message = await ws.receive(timeout=STARTS_WITHIN_S)
            said = str(message.data) if message.type == aiohttp.WSMsgType.TEXT else ""
            if said:
                await ws.receive(timeout=STARTS_WITHIN_S)
            return ws.close_code, said


@dataclass
class Made:
    """What a test may choose before the application is made."""

    required: bool = True
    per_minute: int = 1000
    redis_url: str = ""
    settings: OrchestratorSettings = field(default_factory=OrchestratorSettings)


@asynccontextmanager
async def guarded_app(store: KeyStore, made: Made) -> AsyncIterator[GuardedApp]:
    clock = WallClock()
    tickets = Tickets(SECRET, ttl_s=60, redis_url=made.redis_url, clock=clock)
    guard = KeyGuard(
        store,
        SECRET,
        tickets,
        LocalBuckets(clock=clock),
        required=made.required,
        per_minute=made.per_minute,
        clock=clock,
    )
    breakers = Breakers(policy=BreakerPolicy(bad_calls=1), clock=clock)
    app = FastAPI()
    install_error_handlers(app)
    app.include_router(key_routes(guard))
    operators = [Depends(guard.needing(KeyScope.OPERATE))]
    app.include_router(breaker_routes(breakers), dependencies=operators)
    app.include_router(config_routes(made.settings), dependencies=operators)

    @app.get("/who")
    async def who(
        caller: Annotated[Caller, Depends(guard.needing(KeyScope.CONVERSE))],
    ) -> dict[str, str]:
        return {"id": caller.id, "name": caller.name}

    @app.websocket("/talk")
    async def talk(websocket: WebSocket) -> None:
        caller = await guard.socket_caller(websocket, KeyScope.CONVERSE)
        await websocket.accept()
        if caller is None:
            return await websocket.close(1008, "a ticket or a key is needed")
        await websocket.send_text(f"hello {caller.id}")
        return await websocket.close(1000)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, ws="websockets-sansio", log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        async with asyncio.timeout(STARTS_WITHIN_S):
            while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
                await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with aiohttp.ClientSession() as http:
            yield GuardedApp(url, http, store, guard, breakers, clock)
        server.should_exit = True
        await serving
    await breakers.aclose()
    await guard.aclose()


@pytest.fixture
def made() -> Made:
    return Made()


@pytest.fixture
async def app(tmp_path: Path, made: Made) -> AsyncIterator[GuardedApp]:
    async with guarded_app(KeyStore(tmp_path / "keys.db"), made) as guarded:
        yield guarded
