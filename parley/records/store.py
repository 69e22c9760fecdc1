"""Where records lie: a folder of folders, or a bucket; tests/records holds both to the same."""

import re
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from parley import paths
from parley.errors import ConfigurationError, ParleyError
from parley.records.call import CallReader, CallView
from parley.records.lines import FILES, LINES_FILE, parse
from parley.settings.record import RecordSection

FOLDER = "calls"
_ID = re.compile(r"\d{8}T\d{6}-[0-9a-f]{16}")
_DAY_S = 86_400.0


class RecordStoreError(ParleyError):
    """The place of the records cannot be reached, read or written."""


class RecordNotFoundError(RecordStoreError):
    """There is no such record, or it has no such file."""


class RecordStore(Protocol):
    """The records of one place. Each call may wait for a disk or a network: none is for an event
    loop. Raises RecordStoreError."""

    def ids(self) -> list[str]:
        """Newest first."""
        ...

    def sizes(self) -> dict[str, int]:
        """Bytes of each record."""
        ...

    def size(self, record_id: str, file: str) -> int:
        """Bytes of a file of FILES. Raises RecordNotFoundError."""
        ...

    def read(self, record_id: str, file: str, start: int = 0, end: int | None = None) -> bytes:
        """The bytes from `start` up to `end`, those that there are. Raises RecordNotFoundError."""
        ...

    def put(self, record_id: str, file: str, source: Path) -> None:
        """Keeps what the local file holds."""
        ...

    def delete(self, record_id: str) -> None:
        """One that is not there is no error."""
        ...


def new_id(now_s: float) -> str:
    """Of a record that begins now; ids sort by time, and cannot be guessed."""
    began = datetime.fromtimestamp(now_s, UTC)
    return f"{began:%Y%m%dT%H%M%S}-{secrets.token_hex(8)}"


def is_id(text: str) -> bool:
    """Whether it could be one: nothing else may become part of a path."""
    return _ID.fullmatch(text) is not None


def began_at_s(record_id: str) -> float:
    """When the record of this id began, to the second."""
    began = datetime.strptime(record_id.partition("-")[0], "%Y%m%dT%H%M%S")
    return began.replace(tzinfo=UTC).timestamp()


def local_folder(settings: RecordSection) -> Path:
    """Where this machine writes records while their calls go on."""
    if settings.place and not is_bucket(settings):
        return Path(settings.place).expanduser()
    return paths.state_dir() / FOLDER


def is_bucket(settings: RecordSection) -> bool:
    return settings.place.startswith("s3://")


def open_records(settings: RecordSection) -> RecordStore:
    """The place that the settings name. Raises ConfigurationError where its library is missing."""
    from parley.records.folder import FolderRecords  # noqa: PLC0415 - they import this module

    if not is_bucket(settings):
        return FolderRecords(local_folder(settings))
    try:
        from parley.records.bucket import BucketRecords  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ConfigurationError(
            "record.place is a bucket, for which obstore is needed: install the extra s3"
        ) from None
    return BucketRecords(settings)


def read_call(store: RecordStore, record_id: str) -> CallView:
    """Raises RecordNotFoundError and RecordStoreError."""
    if not is_id(record_id):
        raise RecordNotFoundError(f"{record_id[:80]!r} is no id of a record")
    view = CallReader(parse(store.read(record_id, LINES_FILE).splitlines())).view
    return view.model_copy(update={"id": record_id})


def of_person(store: RecordStore, person: str) -> list[str]:
    """The records of a person: by identity in the room, or by the name they came with."""

    def matches(call: CallView) -> bool:
        return person == call.user or person in call.names

    return _matching(store, matches)


def of_session(store: RecordStore, session: str) -> list[str]:
    """The records of a conversation: one for each process that held it."""
    return _matching(store, lambda call: call.session == session)


def out_of_time(
    sizes: dict[str, int], settings: RecordSection, *, now_s: float | None = None
) -> list[str]:
    """What is to be deleted by keep_days and keep_gb, of records of these sizes; oldest first."""
    now_s = time.time() if now_s is None else now_s
    oldest_first = sorted(sizes)
    gone = [
        each
        for each in oldest_first
        if settings.keep_days and began_at_s(each) < now_s - settings.keep_days * _DAY_S
    ]
    left = [each for each in oldest_first if each not in set(gone)]
    over = sum(sizes[each] for each in left) - settings.keep_gb * 1e9
    while settings.keep_gb and over > 0 and left:
        over -= sizes[left[0]]
        gone.append(left.pop(0))
    return gone


def _matching(store: RecordStore, matches: Callable[[CallView], bool]) -> list[str]:
    found = []
    for each in store.ids():
        try:
            if matches(read_call(store, each)):
                found.append(each)
        except RecordNotFoundError:  # deleted meanwhile
            continue
    return found


def check_file(file: str) -> None:
    """Raises RecordNotFoundError for a name that no record has a file by."""
    if file not in FILES:
        raise RecordNotFoundError(f"a record has no file {file[:80]!r}")
