"""Durations as clients send them: any two numbers at all."""

from google.protobuf.duration_pb2 import Duration

LONGEST_S = 3600.0
"""Nobody waits longer for a word."""


def waiting_s(value: Duration) -> float:
    """Seconds, from none to LONGEST_S: a client that says less or more means these."""
    return min(max(0.0, value.seconds + value.nanos / 1e9), LONGEST_S)
