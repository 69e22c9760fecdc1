"""One part of a running Parley: what is started, how it says it is ready, what it needs."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class ListeningPort:
    """A port a part listens on; `setting` is where a person changes it."""

    port: int
    host: str
    setting: str
    protocol: Literal["tcp", "udp"] = "tcp"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A process to be kept running.

    `environment` is all the process gets. `ready_url` is asked for readiness (see readiness.py).
    `after` names the parts that must be ready before it starts. `fresh_dir` is emptied before
    every start. `stop_signal` asks it to end; what is left after `stop_within_s` is killed.
    `niceness` above 0 leaves the cores to others first.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    ready_url: str
    ports: tuple[ListeningPort, ...] = ()
    after: tuple[str, ...] = ()
    fresh_dir: Path | None = None
    ready_within_s: float = 120.0
    stop_within_s: float = 10.0
    stop_signal: signal.Signals = signal.SIGTERM
    niceness: int = 0


class PartState(StrEnum):
    WAITING = "waiting"
    """for the parts it needs"""
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    """ended by itself; started again after a pause"""
    FAILED = "failed"
    """ended too often; not started again"""
    STOPPED = "stopped"
