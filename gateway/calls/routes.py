"""The API of calls: what is to know of them, a token that opens one, the voices and their sound."""

import logging
from http import HTTPStatus
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from gateway.calls.about import AboutBook, AboutCalls
from gateway.calls.budgets import CallBudgets
from gateway.calls.door import Door
from gateway.calls.previews import VoicePreviews
from gateway.calls.session_keys import SessionKey
from gateway.calls.token_request import AgentRequest, TokenRequest
from gateway.calls.tokens import CallAccess, CallTokens, CallWish
from gateway.calls.voices import VoiceCatalog, VoiceListing
from gateway.errors import ApiError
from gateway.identity import who_asks
from gateway.rate_limit import RateLimit
from parley.errors import SpeechError
from parley.settings import OrchestratorSettings
from parley.telemetry.gateway import GatewayMetrics

PREVIEW_KEPT_S = 3600
"""By the browser."""

_log = logging.getLogger(__name__)


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
    """Serves /api/about, /api/token, and /api/voices with their previews, as the settings allow it.

    A client may name one of `apps`, or our `agent`. `door` None: tokens are granted whether or not
    an agent has room.
    """

    def __init__(  # noqa: PLR0913 - all that it serves with
        self,
        tokens: CallTokens,
        catalog: VoiceCatalog,
        previews: VoicePreviews,
        limit: RateLimit,
        metrics: GatewayMetrics,
        *,
        door: Door | None,
        budgets: CallBudgets,
        about: AboutBook,
        settings: OrchestratorSettings,
    ) -> None:
        self._tokens = tokens
        self._catalog = catalog
        self._previews = previews
        self._limit = limit
        self._metrics = metrics
        self._door = door
        self._budgets = budgets
        self._about = about
        self._apps = settings.agent.apps
        self._agent = settings.livekit.agent_name
        self._visitors = settings.visitors

    def add_to(self, app: FastAPI) -> None:
        app.post("/api/token", status_code=HTTPStatus.CREATED)(self.grant_token)
        app.get("/api/voices")(self.list_voices)
        app.get("/api/voices/{voice:path}/preview", response_class=Response)(self.preview_voice)
        app.get("/api/about")(self.tell_about)

    async def grant_token(
        self, request: Request, response: Response, wish: TokenRequest | None = None
    ) -> TokenAnswer:
        try:
            self._check_rate(who_asks(request))
            access = await self._paid(request, wish or TokenRequest())
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

    async def preview_voice(self, request: Request, voice: str) -> Response:
        """A short sentence in the voice, as a WAV file."""
        address = request.client.host if request.client else ""
        try:
            wav = await self._previews.wav(voice, address=address)
        except SpeechError as error:
            _log.warning("no preview of %s: %s", voice, error)
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "speech_unavailable",
                "the voice cannot be spoken at present",
                retry_after_s=2,
            ) from error
        kept = {"Cache-Control": f"private, max-age={PREVIEW_KEPT_S}"}
        return Response(wav, media_type="audio/wav", headers=kept)

    async def _paid(self, request: Request, wish: TokenRequest) -> CallAccess:
        """A token that is on the budget of whoever asks; who is refused has not called."""
        identity = self._budgets.identity_of(request)
        await self._budgets.spend_call(identity)
        try:
            access = await self._admitted(identity, wish)
        except ApiError as error:
            await self._budgets.give_back_call(identity)
            if error.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
                self._limit.give_back(who_asks(request))
            raise
        self._budgets.let_in(access.room, identity)
        return access

    async def _admitted(self, identity: str, wish: TokenRequest) -> CallAccess:
        """A token for which an agent has room."""
        if self._door is None:
            return self._tokens.grant(await self._call(identity, wish))
        await self._door.check()
        call = await self._call(identity, wish)
        census = await self._door.check()
        access = self._tokens.grant(call)
        await self._door.claim(access.room, census)
        return access

    async def _call(self, identity: str, wish: TokenRequest) -> CallWish:
        if wish.voice:
            await self._check_voice(identity, wish.voice)
        character = wish.character or ""
        if character and character not in self._visitors.characters:
            raise _unknown("character", character, list(self._visitors.characters))
        return CallWish(
            budget=identity,
            longest_s=await self._budgets.longest_s(identity),
            voice=wish.voice or self._voice_of(character),
            character=character,
            instructions=self._instructions(wish.instructions or ""),
            record=wish.record,
            app=self._app(wish.app or "", wish.agent),
            session=self._session(wish.session or ""),
            resumed=wish.resumed,
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
                f"too many calls at once; try again in {wait_s} s",
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

    async def _check_voice(self, identity: str, voice: str) -> None:
        listings = {listing.name: listing for listing in await self._voices()}
        if voice not in listings:
            raise _unknown("voice", voice, list(listings))
        if not listings[voice].default:
            await self._budgets.spend_voice(identity)


def _unknown(kind: str, name: str, known: list[str]) -> ApiError:
    there_are = f"there are: {', '.join(known)}" if known else "there are none to choose from"
    return ApiError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"unknown_{kind}",
        f"there is no {kind} {name!r}; {there_are}",
    )
