"""/calls and /api/calls: the records of calls, for operators alone.

On the public port and behind a key, not on the private one: an operator listens in a browser, over
the same TLS and the same name as the page, and audio wants ranges, cookies and the page's security
headers. The page itself holds nothing of a call; whatever does asks for the key.
"""

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from fastapi import Depends, FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.responses import FileResponse

from gateway.errors import ApiError
from gateway.rate_limit import RateLimit
from gateway.records.sound import record_away, sound_of
from parley.records.call import CallView
from parley.records.lines import PEAKS_FILE
from parley.records.operator_key import OPEN_FOR_S, is_key, is_pass, operator_key, pass_of
from parley.records.store import (
    RecordNotFoundError,
    RecordStore,
    RecordStoreError,
    is_id,
    open_records,
    read_call,
)
from parley.settings.record import RecordSection

COOKIE = "parley_calls"
PATH = "/api/calls"
TRIES_PER_MINUTE = 10
"""Keys that one client may try."""
MOST_LISTED = 100


class SignIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key: str = Field(max_length=500)


class CallSummary(BaseModel):
    """A line of the list; `id` opens the call."""

    id: str
    began_at_s: float
    length_s: float
    state: str
    user: str
    turns: int
    errors: int
    interruptions: int
    slowest_ms: float | None
    over_objective: int


class CallSummaries(BaseModel):
    calls: list[CallSummary]
    more: bool = Field(description="older ones are left out")


class RecordRoutes:
    """Serves them from the place that the settings name."""

    def __init__(
        self,
        settings: RecordSection,
        api_secret: SecretStr,
        page_folder: Path,
        *,
        tries: RateLimit | None = None,
        opened: Callable[[RecordSection], RecordStore] = open_records,
    ) -> None:
        """Raises ConfigurationError where the place cannot be used."""
        self._key = operator_key(settings, api_secret)
        self.store = opened(settings)
        self._page = page_folder / "calls.html"
        self._tries = tries or RateLimit(per_minute=TRIES_PER_MINUTE)

    def add_to(self, app: FastAPI) -> None:
        operators = [Depends(self._check)]
        app.get("/calls", include_in_schema=False)(self.page)
        app.get("/calls/{call_id}", include_in_schema=False)(self.page)
        app.post(f"{PATH}/open", status_code=HTTPStatus.NO_CONTENT)(self.sign_in)
        app.get(PATH, dependencies=operators)(self.calls)
        app.get(f"{PATH}/{{call_id}}", dependencies=operators)(self.call)
        app.get(f"{PATH}/{{call_id}}/audio", dependencies=operators)(self.audio)
        app.get(f"{PATH}/{{call_id}}/peaks", dependencies=operators)(self.peaks)

    # Plain functions: they run in threads, for each of them may wait for a disk or a bucket.

    def page(self, call_id: str = "") -> Response:
        if not self._page.is_file() or (call_id and not is_id(call_id)):
            raise ApiError(HTTPStatus.NOT_FOUND, "not_found", "there is no such page")
        return FileResponse(self._page, headers={"Cache-Control": "no-cache"})

    def sign_in(self, request: Request, given: SignIn) -> Response:
        """Lets the browser read on for a while without the key."""
        self._check_rate(request)
        if not is_key(self._key, given.key):
            raise _refused("this is not the operators' key")
        self._tries.give_back(_address(request))
        answer = Response(status_code=HTTPStatus.NO_CONTENT)
        answer.set_cookie(
            COOKIE,
            pass_of(self._key),
            max_age=OPEN_FOR_S,
            path=PATH,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return answer

    def calls(self, response: Response, before: str = "") -> CallSummaries:
        """The newest, or those that began before the record `before`."""
        response.headers["Cache-Control"] = "no-store"
        try:
            ids = [each for each in self.store.ids() if not before or each < before]
            read = [self._summary(each) for each in ids[:MOST_LISTED]]
        except RecordStoreError as error:
            raise record_away(error) from error
        return CallSummaries(
            calls=[each for each in read if each is not None], more=len(ids) > MOST_LISTED
        )

    def call(self, response: Response, call_id: str) -> CallView:
        response.headers["Cache-Control"] = "no-store"
        try:
            return read_call(self.store, call_id)
        except RecordStoreError as error:
            raise record_away(error) from error

    def audio(self, request: Request, call_id: str) -> Response:
        return sound_of(self.store, call_id, request.headers.get("range", ""))

    def peaks(self, call_id: str) -> Response:
        try:
            content = self.store.read(call_id, PEAKS_FILE)
        except RecordStoreError as error:
            raise record_away(error) from error
        headers = {"Cache-Control": "no-store"}
        return Response(content, media_type="application/octet-stream", headers=headers)

    def _summary(self, call_id: str) -> CallSummary | None:
        try:
            call = read_call(self.store, call_id)
        except RecordNotFoundError:  # deleted meanwhile
            return None
        known = call.model_dump(include=set(CallSummary.model_fields) - {"turns"})
        return CallSummary(**known, turns=len(call.turns))

    def _check(self, request: Request) -> None:
        """Raises ApiError for who has neither the key nor a pass."""
        if is_pass(self._key, request.cookies.get(COOKIE, "")):
            return
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            raise _refused("operators alone may see this: give their key")
        self._check_rate(request)
        if not is_key(self._key, given.strip()):
            raise _refused("this is not the operators' key")
        self._tries.give_back(_address(request))

    def _check_rate(self, request: Request) -> None:
        wait_s = self._tries.retry_after_s(_address(request))
        if wait_s is not None:
            raise ApiError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "rate_limited",
                f"too many keys were tried; try again in {wait_s} s",
                retry_after_s=wait_s,
            )


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _refused(why: str) -> ApiError:
    return ApiError(HTTPStatus.UNAUTHORIZED, "operators_only", why)
