"""What a check has found."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """Parley runs, but not as it could, or something must be fetched first."""
    PROBLEM = "problem"
    """Parley, or what the line is about, does not run."""


@dataclass(frozen=True)
class Finding:
    """One line of the table; `remedy` says what to do where `level` is not OK."""

    subject: str
    level: Level
    detail: str
    remedy: str = ""


def ok(subject: str, detail: str) -> Finding:
    return Finding(subject, Level.OK, detail)


def warning(subject: str, detail: str, remedy: str) -> Finding:
    return Finding(subject, Level.WARNING, detail, remedy)


def problem(subject: str, detail: str, remedy: str) -> Finding:
    return Finding(subject, Level.PROBLEM, detail, remedy)
