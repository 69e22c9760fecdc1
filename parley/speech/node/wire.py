"""What goes over a node's socket: JSON, a line each; knowledge one way, reports the other."""

from collections.abc import Mapping
from typing import Annotated, NamedTuple, TypedDict

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from parley.discovery.lease import Kind
from parley.speech.balancing.picker import Candidate

LONGEST_REPORT = 2048
"""Bytes of a report's line."""
MOST_CALLS = 1000
"""That one job has at one worker."""
SLOWEST_AUDIO_S = 60.0
LONGEST_FAULT = 200
LONGEST_TARGET = 300
UNKNOWN_VOICES = -1
"""The worker has not said which it can serve."""


class WorkerRow(NamedTuple):
    """A worker as the whole node sees it; sent as an array."""

    target: str
    slots: int
    own_in_flight: int
    own_open: int
    reported_load: int
    expected_s: float
    draining: bool
    reachable: bool
    circuit_closed: bool
    on_trial: bool
    slow: bool
    voices: int
    """These two name a set of `Board.voice_sets`: most workers have the same."""
    stored: int
    resident: tuple[str, ...]
    fault: str

    def candidate(self, voice_sets: Mapping[int, frozenset[str]]) -> Candidate:
        """Raises KeyError for a set that has not been told."""
        return Candidate(
            target=self.target,
            slots=self.slots,
            own_in_flight=self.own_in_flight,
            own_open=self.own_open,
            reported_load=self.reported_load,
            expected_s=self.expected_s,
            draining=self.draining,
            reachable=self.reachable,
            circuit_closed=self.circuit_closed,
            on_trial=self.on_trial,
            slow=self.slow,
            voices=None if self.voices == UNKNOWN_VOICES else voice_sets[self.voices],
            stored=voice_sets[self.stored],
            resident=frozenset(self.resident),
        )


class Board(BaseModel):
    """The workers of one kind: those that changed, or all of them."""

    model_config = ConfigDict(frozen=True)

    rows: tuple[WorkerRow, ...] = ()
    gone: tuple[str, ...] = ()
    voice_sets: dict[int, frozenset[str]] = {}
    hedges: float = 0.0
    """That may start now, all calls of the node together."""


class Push(BaseModel):
    """From the agent server to a job, at least once a second."""

    model_config = ConfigDict(frozen=True)

    ack: int
    """The number of the last report that is counted in the rows."""
    full: bool
    boards: dict[Kind, Board]


class Seen(TypedDict, total=False):
    """What a report may say; the fields are those of `Report`."""

    calls: tuple[int, int]
    began: bool
    lost: bool
    answered: bool
    first_audio_s: float
    asked: bool
    hedged: bool


class Report(BaseModel):
    """From a job to the agent server: what it has at a worker, and what it saw there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: int = Field(ge=0)
    """Counts the reports of a connection."""
    kind: Kind
    target: Annotated[str, StringConstraints(max_length=LONGEST_TARGET)] = ""
    calls: tuple[int, int] | None = None
    """How many are open at the worker, and how many of them keep it busy."""
    began: bool = False
    """The last of them has just begun."""
    lost: bool = False
    answered: bool = False
    first_audio_s: float | None = Field(None, ge=0.0, le=SLOWEST_AUDIO_S, allow_inf_nan=False)
    asked: bool = False
    """An utterance was asked for, of whichever worker: it earns a part of a hedge."""
    hedged: bool = False


_REPORT = TypeAdapter(Report)
_PUSH = TypeAdapter(Push)
_BOARDS = TypeAdapter(dict[Kind, Board])


def report_line(report: Report) -> bytes:
    return _REPORT.dump_json(report, exclude_defaults=True) + b"\n"


def parse_report(line: bytes) -> Report:
    """Raises ValueError for what is no report."""
    report = _REPORT.validate_json(line)
    if report.calls is not None and not 0 <= report.calls[1] <= report.calls[0] <= MOST_CALLS:
        raise ValueError(f"{report.calls} are no numbers of calls")
    return report


def boards_json(boards: Mapping[Kind, Board]) -> bytes:
    return _BOARDS.dump_json(dict(boards), exclude_defaults=True)


def push_line(ack: int, *, full: bool, boards: bytes) -> bytes:
    """`boards` is from `boards_json`, made once for all who are sent it."""
    return b'{"ack":%d,"full":%s,"boards":%s}\n' % (ack, b"true" if full else b"false", boards)


def parse_push(line: bytes) -> Push:
    """Raises ValueError for what is no push."""
    return _PUSH.validate_json(line)
