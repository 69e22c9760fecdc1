"""The API of calls: what is to know of them, a token that opens one, the voices to choose from."""

from http import HTTPStatus
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from gateway.calls.about import AboutBook, AboutCalls
from gateway.calls.door import Door
from gateway.calls.session_keys import SessionKey
from gateway.calls.token_request import AgentRequest, TokenRequest
from gateway.calls.tokens import CallAccess, CallTokens, CallWish
from gateway.calls.voices import VoiceCatalog, VoiceListing
from gateway.errors import ApiError
from gateway.rate_limit import RateLimit
from parley.errors import SpeechError
from parley.settings import OrchestratorSettings
from parley.telemetry.gateway import GatewayMetrics


class TokenAnswer(BaseModel):
    """LiveKit's TokenSourceResponse, and beside it what our own clients read.

    `url` and `token` are the first two again; `session`, in a later request, goes on with this
    conversation.
    """

    model_config = ConfigDict(frozen=True)

    server_url: str
    participant_token: str
    url: str
    token: str
    room: str
    identity: str
    session: str


class VoiceListings(BaseModel):
    model_config = ConfigDict(frozen=True)

    voices: tuple[VoiceListing, ...]


class CallRoutes:
    """Serves /api/about, /api/token and /api/voices, as the settings allow it.

    `door` None: tokens are granted whether or not an agent has room.
    """

    def __init__(
        self,
        tokens: CallTokens,
        catalog: VoiceCatalog,
        limit: RateLimit,
        metrics: GatewayMetrics,
        *,
        door: Door | None,
        about: AboutBook,
        settings: OrchestratorSettings,
    ) -> None:
        self._tokens = tokens
        self._catalog = catalog
        self._limit = limit
        self._metrics = metrics
        self._door = door
        self._about = about
        self._apps = settings.agent.apps
        self._agent = settings.livekit.agent_name
        self._visitors = settings.visitors

    def add_to(self, app: FastAPI) -> None:
        app.post("/api/token", status_code=HTTPStatus.CREATED)(self.grant_token)
        app.get("/api/voices")(self.list_voices)
        app.get("/api/about")(self.tell_about)

    async def grant_token(
        self, request: Request, response: Response, wish: TokenRequest | None = None
    ) -> TokenAnswer:
        address = request.client.host if request.client else ""
        try:
            self._check_rate(address)
            access = await self._admitted(address, wish or TokenRequest())
        except ApiError as error:
            self._metrics.tokens.labels(error.code).inc()
            raise
        self._metrics.tokens.labels("granted").inc()
        response.headers["Cache-Control"] = "no-store"
        return TokenAnswer(
            server_url=access.url,
            participant_token=access.token,
            url=access.url,
            token=access.token,
            room=access.room,
            identity=access.identity,
            session=access.session,
        )

    async def list_voices(self) -> VoiceListings:
        return VoiceListings(voices=await self._voices())

    async def tell_about(
        self, response: Response, app: Annotated[str, Query(max_length=64)] = ""
    ) -> AboutCalls:
        if app and app not in self._apps:
            raise _unknown("app", app, sorted(self._apps))
        response.headers["Cache-Control"] = "no-store"
        return await self._about.about(app)

    async def _admitted(self, address: str, wish: TokenRequest) -> CallAccess:
        """A token for which an agent has room; who is refused for want of it has not called."""
        if self._door is None:
            return self._tokens.grant(await self._call(wish))
        try:
            await self._door.check()
            call = await self._call(wish)
            census = await self._door.check()
            access = self._tokens.grant(call)
            await self._door.claim(access.room, census)
        except ApiError as error:
            if error.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
                self._limit.give_back(address)
            raise
        return access

    async def _call(self, wish: TokenRequest) -> CallWish:
        if wish.voice:
            await self._check_voice(wish.voice)
        character = wish.character or ""
        if character and character not in self._visitors.characters:
            raise _unknown("character", character, list(self._visitors.characters))
        return CallWish(
            voice=wish.voice or self._voice_of(character),
            character=character,
            instructions=self._instructions(wish.instructions or ""),
            record=wish.record,
            app=self._app(wish.app or "", wish.agent),
            session=self._session(wish.session or ""),
            room=wish.room_name or "",
            identity=wish.participant_identity or "",
            name=wish.participant_name or "",
            metadata=wish.participant_metadata or "",
            attributes=wish.participant_attributes or {},
            agent_metadata=wish.agent.metadata or "",
        )

    def _voice_of(self, character: str) -> str:
        known = self._visitors.characters.get(character)
        return known.voice if known is not None else ""

    def _instructions(self, text: str) -> str:
        """Those that the caller wrote, where they may."""
        if text.strip() and not self._visitors.may_instruct:
            raise ApiError(
                HTTPStatus.FORBIDDEN,
                "instructions_not_allowed",
                "callers may not write instructions here (visitors.may_instruct)",
            )
        return text.strip()

    def _app(self, app: str, agent: AgentRequest) -> str:
        """The app that is asked for: by `app`, or as the agent's name by clients without it."""
        if app and app not in self._apps:
            raise _unknown("app", app, sorted(self._apps))
        name = agent.agent_name or ""
        if name in ("", self._agent):
            return app
        if name not in self._apps:
            raise _unknown("agent", name, [self._agent, *sorted(self._apps)])
        return app or name

    def _session(self, key: str) -> SessionKey | None:
        if not key:
            return None
        session = self._tokens.sessions.known(key)
        if session is None:
            raise ApiError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "unknown_session",
                "session is not what an earlier answer of this gateway called so",
            )
        return session

    def _check_rate(self, address: str) -> None:
        wait_s = self._limit.retry_after_s(address)
        if wait_s is not None:
            raise ApiError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "rate_limited",
                f"too many calls from this address; try again in {wait_s} s",
                retry_after_s=wait_s,
            )

    async def _voices(self) -> tuple[VoiceListing, ...]:
        try:
            return await self._catalog.voices()
        except SpeechError as error:
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "speech_unavailable",
                f"no speech worker can be asked for its voices: {error}",
                retry_after_s=2,
            ) from error

    async def _check_voice(self, voice: str) -> None:
        names = [listing.name for listing in await self._voices()]
        if voice not in names:
            raise _unknown("voice", voice, names)


def _unknown(kind: str, name: str, known: list[str]) -> ApiError:
    there_are = f"there are: {', '.join(known)}" if known else "there are none to choose from"
    return ApiError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"unknown_{kind}",
        f"there is no {kind} {name!r}; {there_are}",
    )
