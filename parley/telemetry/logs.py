"""Log lines: one per event, each with the session, turn and trace it belongs to.

JSON in production, readable in development; times in UTC. No personal data at INFO and above.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import structlog
from structlog.types import EventDict

from parley.settings.telemetry import TelemetrySection
from parley.telemetry.tracing import current_trace_id

_ATTRIBUTE = "log_context"
"""One attribute of a record: more could be those of a line's own `extra`, which is an error."""

_ADDRESSES_LOGGED_BY = ("httpx", "httpx2")
"""They log each request with its whole address, which may hold a key or what somebody asked for."""

_bound: ContextVar[dict[str, str] | None] = ContextVar("log_context", default=None)
_of_process: dict[str, str] = {}


def configure_logging(settings: TelemetrySection, *, part: str, file: str = "") -> None:
    """Sends this process's log to standard error, each line naming the part (`tts`, `agent`); to
    the end of `file` as well, where one is named."""
    stamp_lines(part=part)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            _add_context,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            *(_JSON if settings.environment == "production" else (_readable,)),
        ],
    )
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if file:
        handlers.append(logging.FileHandler(file, encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(formatter)
    logging.basicConfig(level=settings.log_level, handlers=handlers, force=True)
    for name in _ADDRESSES_LOGGED_BY:
        logging.getLogger(name).setLevel(logging.WARNING)


def stamp_lines(**of_process: str) -> None:
    """From now on each line of this process carries these, and what is bound where it is written.

    A job process sends its lines to the agent server, which formats them: what they belong to is
    written into the line where it is made.
    """
    _of_process.update(of_process)
    if logging.getLogRecordFactory() is logging.LogRecord:
        logging.setLogRecordFactory(_stamped)


def bind(**context: str) -> None:
    """For the rest of the running task, and the tasks it starts."""
    _bound.set({**(_bound.get() or {}), **context})


@contextmanager
def bound(**context: str) -> Iterator[None]:
    """Within the block, in this task and those it starts."""
    token = _bound.set({**(_bound.get() or {}), **context})
    try:
        yield
    finally:
        _bound.reset(token)


def _stamped(*args: Any, **kwargs: Any) -> logging.LogRecord:
    record = logging.LogRecord(*args, **kwargs)
    context = {**_of_process, **(_bound.get() or {})}
    if trace := current_trace_id():
        context["trace"] = trace
    record.__dict__[_ATTRIBUTE] = context
    return record


def _add_context(_: Any, __: str, event: EventDict) -> EventDict:
    event.update(getattr(event["_record"], _ATTRIBUTE, {}))
    return event


_JSON = (structlog.processors.EventRenamer("message"), structlog.processors.JSONRenderer())


def _readable(_: Any, __: str, event: EventDict) -> str:
    """One line of text; a traceback follows it."""
    head = f"{event['time'][:23]}Z {event['level'].upper():7} {event.get('part', '')}"
    context = " ".join(
        f"{key}={event[key][:8]}" for key in ("session", "turn", "trace") if event.get(key)
    )
    line = f"{head} {event['logger']}: {event['event']}{f' [{context}]' if context else ''}"
    return f"{line}\n{event['exception']}" if event.get("exception") else line
