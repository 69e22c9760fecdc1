"""Log lines as they are read: by people in development, by programs in production."""

import asyncio
import json
import logging
import os
import subprocess
import sys

import pytest

from parley.telemetry import tracing

PROGRAM = """
import asyncio, logging
from parley.settings.telemetry import TelemetrySection
from parley.telemetry import logs, tracing

logs.configure_logging(TelemetrySection(environment={environment!r}), part="agent")
logs.stamp_lines(session="0123456789abcdef")
log = logging.getLogger("agent.call")

async def turn(name):
    logs.bind(turn=name)
    tracing.work_for(TRACES[name])
    await asyncio.sleep(0)
    log.info("turn %s goes on", name, extra={{"session": "a field of somebody else's"}})
    try:
        raise ValueError("of " + name)
    except ValueError:
        log.exception("it failed")

async def main():
    await asyncio.gather(turn("one"), turn("two"))
    log.info("over")

TRACES = {{name: tracing.new_turn() for name in ("one", "two")}}
print(*(format(TRACES[name].trace_id, "032x") for name in TRACES))
asyncio.run(main())
"""


def written(environment: str) -> tuple[list[str], list[str]]:
    """The trace ids of both turns, and the lines of the log."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(environment=environment)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    return done.stdout.split(), done.stderr.splitlines()


def test_in_production_a_line_is_an_object_that_says_what_it_belongs_to() -> None:
    traces, lines = written("production")
    entries = [json.loads(line) for line in lines]
    assert len(entries) == 5
    for name, trace in zip(("one", "two"), traces, strict=True):
        begun, failed = (entry for entry in entries if entry.get("turn") == name)
        assert begun["message"] == f"turn {name} goes on"
        assert begun["level"] == "info"
        assert begun["logger"] == "agent.call"
        assert (begun["part"], begun["session"]) == ("agent", "0123456789abcdef")
        assert begun["trace"] == failed["trace"] == trace
        assert f"ValueError: of {name}" in failed["exception"]
        assert begun["time"].endswith("Z")
    assert entries[-1]["message"] == "over"
    assert "turn" not in entries[-1] and "trace" not in entries[-1]


def test_in_development_it_is_read_by_people() -> None:
    traces, lines = written("development")
    first = next(line for line in lines if "turn one" in line)
    assert " INFO    agent agent.call: turn one goes on " in first
    assert first.endswith(f"[session=01234567 turn=one trace={traces[0][:8]}]")
    assert "ValueError: of one" in lines


@pytest.mark.parametrize(
    "sent",
    ["", "00", "00-0-0-01", "ff" * 40, "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "\u2603"],
)  # fmt: skip
def test_what_is_no_trace_context_is_none(sent: str) -> None:
    assert tracing.parsed(sent) is None


async def test_ids_go_through_processes_and_tasks_though_nothing_is_exported() -> None:
    turn = tracing.new_turn()
    told = tracing.parsed(tracing.traceparent(turn))
    assert told is not None
    assert (told.trace_id, told.span_id) == (turn.trace_id, turn.span_id)
    with tracing.serving((("traceparent", tracing.traceparent(turn)),), "work", attributes={}):
        assert tracing.current_trace_id() == format(turn.trace_id, "032x")
        inherited = await asyncio.create_task(_trace_id())
        assert inherited == tracing.current_trace_id()
    assert tracing.current_trace_id() == ""
    assert tracing.content(text="secret") == {}


async def _trace_id() -> str:
    logging.getLogger(__name__).debug("looked")
    return tracing.current_trace_id()


ASKING = """
import logging, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
import httpx2
from parley.settings.telemetry import TelemetrySection
from parley.telemetry import logs

class Nothing(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass

logs.configure_logging(TelemetrySection(), part="chat")
server = HTTPServer(("127.0.0.1", 0), Nothing)
threading.Thread(target=server.serve_forever, daemon=True).start()
httpx2.get(f"http://127.0.0.1:{server.server_port}/products?apiKey=a-secret")
logging.getLogger("chat").info("asked")
server.shutdown()
"""


def test_the_address_of_a_request_with_its_key_is_not_logged() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASKING], capture_output=True, text=True, check=True, env=os.environ
    )
    assert "asked" in done.stderr
    assert "a-secret" not in done.stderr + done.stdout
