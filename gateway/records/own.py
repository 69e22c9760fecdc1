"""/api/recording: who had a call fetches its sound, for a while.

What opens it is the key to the conversation, which the answer to the token request gave to this
caller alone. The record's id, which everybody in the room can see, opens nothing.
"""

import time
from http import HTTPStatus

from fastapi import FastAPI, Request
from starlette.responses import Response

from gateway.calls.session_keys import SessionKeys
from gateway.errors import ApiError
from gateway.records.sound import record_away, sound_of
from parley.clock import Clock
from parley.records.store import RecordStore, RecordStoreError, read_call
from parley.settings.record import RecordSection

UNFINISHED_RETRY_S = 1


class OwnRecording:
    """Serves it from `store`. `now`: seconds since 1970."""

    def __init__(
        self,
        settings: RecordSection,
        store: RecordStore,
        sessions: SessionKeys,
        *,
        now: Clock = time.time,
    ) -> None:
        self._open_for_s = settings.caller_hours * 3600
        self._store = store
        self._sessions = sessions
        self._now = now

    def add_to(self, app: FastAPI) -> None:
        app.get("/api/recording/{call_id}")(self.sound)

    def sound(self, request: Request, call_id: str) -> Response:
        """A plain function: it runs in a thread, for it may wait for a disk or a bucket."""
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        session = self._sessions.known(key.strip()) if kind.lower() == "bearer" else None
        if session is None:
            raise ApiError(
                HTTPStatus.UNAUTHORIZED,
                "callers_only",
                "send the session of the token's answer as Authorization: Bearer",
            )
        try:
            call = read_call(self._store, call_id)
        except RecordStoreError as error:
            raise record_away(error) from error
        is_open = self._now() < call.began_at_s + self._open_for_s
        if call.session != session.id or not is_open:
            # The same words for both: whose it is, is nobody's business.
            raise ApiError(
                HTTPStatus.NOT_FOUND, "unknown_call", "no such call of yours is kept, or not now"
            )
        if call.state == "going":
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "recording_unfinished",
                "the call is still being written down",
                retry_after_s=UNFINISHED_RETRY_S,
            )
        return sound_of(self._store, call_id, request.headers.get("range", ""))
