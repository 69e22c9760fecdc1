"""Events of a call, left in a folder from which the agent server sends them.

A job process does not wait for the other side, and does not outlive its call: a file an event is
what the two have in common, and it survives them both. A call whose process has died left an open
file, whose lock the kernel has freed: the agent server tells that it has ended.
"""

import fcntl
import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from parley import paths
from parley.app.session import Heard
from parley.private import open_locked, private_folder, write_private
from parley.records.call import CallReader, CallView
from parley.records.lines import AnyLine, CallBegan, CallEnded

FOLDER = "webhooks"
MOST_WAITING = 1_000
"""Events that have not been sent; the oldest go where there are more."""
MOST_UNWRITTEN = 200
"""Of one call: a disk that does not answer costs its events, and no memory."""
CLOSES_WITHIN_S = 3.0

CallEvent = dict[str, Any]
"""As it is sent: type, timestamp, data."""

_SENT, _OPEN = ".json", ".open"
_log = logging.getLogger(__name__)


class Outbox:
    """Of one call; takes the lines of its record. `close` it at the end."""

    def __init__(self, folder: Path, *, is_recorded: bool) -> None:
        self._folder = folder
        self._is_recorded = is_recorded
        self._call = CallReader()
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="webhooks")
        self._room = threading.BoundedSemaphore(MOST_UNWRITTEN)
        self._open: tuple[Path, BinaryIO] | None = None
        """As long as it is locked, the call goes on."""

    def take(self, line: AnyLine) -> None:
        """The next line; redacted, where that is wanted."""
        self._call.take(line)
        view = self._call.view
        match line:
            case CallBegan():
                self._later(self._begin, event_of("call.started", view, self._is_recorded))
            case Heard(turn_id=turn_id, final=True):
                if (turn := self._call.turn(turn_id)) is not None:
                    event = event_of("turn.ended", view, self._is_recorded)
                    event["data"]["turn"] = turn.model_dump(mode="json")
                    self._later(self._write, event)
            case CallEnded():
                self._later(self._end, event_of("call.ended", view, self._is_recorded))

    def close(self) -> None:
        """Writes what is left. It blocks, but not for long where the disk does."""
        with suppress(TimeoutError):
            self._writing.submit(lambda: None).result(CLOSES_WITHIN_S)
        self._writing.shutdown(wait=False, cancel_futures=True)

    def _later(self, work: Callable[[CallEvent], None], event: CallEvent) -> None:
        if self._room.acquire(blocking=False):
            self._writing.submit(self._do, work, event)

    def _do(self, work: Callable[[CallEvent], None], event: CallEvent) -> None:
        try:
            work(event)
        except OSError as error:
            _log.warning("a webhook's event is lost: %s", error)
        finally:
            self._room.release()

    def _begin(self, event: CallEvent) -> None:
        private_folder(self._folder)
        file = self._folder / f"{event['data']['call']['id']}{_OPEN}"
        self._open = file, open_locked(file, json.dumps(event["data"]).encode())
        self._write(event)

    def _end(self, event: CallEvent) -> None:
        self._write(event)
        if self._open is not None:
            file, opened = self._open
            file.unlink(missing_ok=True)
            opened.close()

    def _write(self, event: CallEvent) -> None:
        leave(self._folder, event)


def outbox_folder() -> Path:
    return paths.state_dir() / FOLDER


def event_of(kind: str, view: CallView, is_recorded: bool) -> CallEvent:
    """What is sent; docs/records.md has its fields."""
    call = view.model_dump(
        mode="json", exclude={"turns", "floors", "moments", "audio_began_at_s", "peak_s"}
    )
    return {
        "type": kind,
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "data": {"call": call | {"turns": len(view.turns), "recorded": is_recorded}},
    }


def leave(folder: Path, event: CallEvent) -> None:
    """Puts the event where it is sent from. Raises OSError."""
    name = f"{time.time_ns():020}-{secrets.token_hex(6)}{_SENT}"
    write_private(folder / name, json.dumps(event, ensure_ascii=False))


def waiting(folder: Path) -> list[Path]:
    """The events that have not been sent, oldest first; those beyond MOST_WAITING are gone."""
    files = sorted(each for each in folder.glob(f"*{_SENT}") if not each.name.startswith("."))
    surplus = max(0, len(files) - MOST_WAITING)
    for each in files[:surplus]:
        each.unlink(missing_ok=True)
    if surplus:
        _log.error("%d events of webhooks are dropped: too many wait", surplus)
    return files[surplus:]


def tell_of_lost_calls(folder: Path) -> None:
    """Leaves a call.ended for each call whose process has died."""
    for file, call in _lost(folder):
        call["state"] = "lost"
        call["length_s"] = round(time.time() - call.get("began_at_s", time.time()), 1)
        event = {
            "type": "call.ended",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "data": {"call": call},
        }
        leave(folder, event)
        file.unlink(missing_ok=True)


def _lost(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in folder.glob(f"*{_OPEN}"):
        try:
            with file.open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(stream.fileno()).st_nlink:  # else it has ended since it was opened
                    yield file, json.loads(stream.read())["call"]
        except BlockingIOError:
            continue  # it goes on
        except FileNotFoundError:
            continue  # it has just ended
        except (ValueError, KeyError, TypeError):
            file.unlink(missing_ok=True)  # nobody can be told of what cannot be read
