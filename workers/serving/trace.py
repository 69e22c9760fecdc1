"""Which trace a call belongs to: the W3C `traceparent` in its metadata."""

import re
from typing import Any

import grpc

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def trace_id_of(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    """32 hexadecimal digits; empty where the client said none that is well formed."""
    for key, value in context.invocation_metadata() or ():
        if key == "traceparent" and isinstance(value, str):
            found = _TRACEPARENT.fullmatch(value)
            return found[1] if found else ""
    return ""
