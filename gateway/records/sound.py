"""The sound of a record as an answer: FLAC, of which a player asks for parts."""

import re
from collections.abc import Iterator
from http import HTTPStatus

from starlette.responses import Response, StreamingResponse

from gateway.errors import ApiError
from parley.records.lines import AUDIO_FILE
from parley.records.store import RecordNotFoundError, RecordStore, RecordStoreError

PART_BYTES = 1 << 18
"""Audio is read as it is sent."""
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def sound_of(store: RecordStore, record_id: str, asked_range: str) -> Response:
    """`asked_range` as in the header of that name; empty: all of it. Reads from the store.

    Raises ApiError where there is none, or nothing in that range.
    """
    try:
        size = store.size(record_id, AUDIO_FILE)
    except RecordStoreError as error:
        raise record_away(error) from error
    wanted = _wanted(asked_range, size)
    start, end = wanted or (0, size)
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-store",
        "Content-Length": str(end - start),
    }
    status = HTTPStatus.OK
    if wanted is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        status = HTTPStatus.PARTIAL_CONTENT
    parts = _parts(store, record_id, start, end)
    return StreamingResponse(parts, status, headers, media_type="audio/flac")


def record_away(error: RecordStoreError) -> ApiError:
    """What a client is told of a record that cannot be read."""
    if isinstance(error, RecordNotFoundError):
        return ApiError(HTTPStatus.NOT_FOUND, "unknown_call", str(error))
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE, "records_unavailable", str(error), retry_after_s=5
    )


def _parts(store: RecordStore, record_id: str, start: int, end: int) -> Iterator[bytes]:
    for first in range(start, end, PART_BYTES):
        yield store.read(record_id, AUDIO_FILE, first, min(end, first + PART_BYTES))


def _wanted(header: str, size: int) -> tuple[int, int] | None:
    """The bytes that a Range header asks for; None: all of them.

    Raises ApiError for a range that lies outside.
    """
    asked = _RANGE.fullmatch(header.strip())
    if asked is None or asked.groups() == ("", ""):
        return None
    first, last = asked.groups()
    if not first:  # the last so many
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
    if start >= end:
        raise ApiError(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "range", f"the file has {size} bytes"
        )
    return start, end
