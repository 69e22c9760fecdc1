"""Records and entries as the JSON that every store keeps."""

import logging
from collections.abc import Iterable

from pydantic import TypeAdapter, ValidationError

from dialogue.sessions.store import SessionRecord, SessionStoreError
from parley.app.session import AnyEntry, Entry

_ENTRY: TypeAdapter[AnyEntry] = TypeAdapter(Entry)

_log = logging.getLogger(__name__)


def dump(value: SessionRecord | AnyEntry) -> str:
    return value.model_dump_json()


def parsed_record(payload: str) -> SessionRecord:
    """Raises SessionStoreError for what is no record."""
    try:
        return SessionRecord.model_validate_json(payload)
    except ValidationError as error:
        raise SessionStoreError(f"the record of a session is not readable: {_why(error)}") from None


def parsed_entries(session_id: str, payloads: Iterable[str]) -> tuple[AnyEntry, ...]:
    """The entries that this version knows.

    The others are passed over with a line in the log: a conversation that a newer version has
    begun goes on here with a gap rather than not at all.
    """
    return tuple(entry for payload in payloads if (entry := _parsed(session_id, payload)))


def _parsed(session_id: str, payload: str) -> AnyEntry | None:
    try:
        return _ENTRY.validate_json(payload)
    except ValidationError as error:
        _log.warning(
            "an entry of session %s is not readable and is passed over: %s", session_id, _why(error)
        )
        return None


def _why(error: ValidationError) -> str:
    """Where it went wrong, without what people have said."""
    problem = error.errors(include_url=False, include_input=False, include_context=True)[0]
    if problem["type"] == "union_tag_invalid":
        return f"its kind {problem['ctx']['tag']!r} is unknown to this version"
    place = ".".join(map(str, problem["loc"]))
    return f"{place}: {problem['type']}" if place else problem["type"]
