"""A receiver of traces that speaks OTLP/HTTP, as Jaeger and Tempo do, and keeps what comes."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue


@dataclass(frozen=True)
class ReceivedSpan:
    """Times are seconds since 1970; ids are hex."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    began_at_s: float
    ended_at_s: float
    attributes: dict[str, str]
    events: tuple[str, ...]
    failed: bool

    @property
    def duration_s(self) -> float:
        return self.ended_at_s - self.began_at_s


class OtlpReceiver:
    """Use as a context manager; `url` is the endpoint that exporters are given."""

    def __init__(self) -> None:
        self._spans: list[ReceivedSpan] = []
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                request = ExportTraceServiceRequest.FromString(self.rfile.read(length))
                receiver._take(request)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.end_headers()
                self.wfile.write(ExportTraceServiceResponse().SerializeToString())

            def log_message(self, format: str, *args: object) -> None:
                """It says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def spans(self) -> list[ReceivedSpan]:
        """In the order in which they came."""
        with self._changed:
            return list(self._spans)

    def wait_for(self, *names: str, trace_id: str, timeout_s: float = 20.0) -> list[ReceivedSpan]:
        """The spans of the trace, once spans of all these names have come."""

        def of_trace() -> list[ReceivedSpan]:
            return [span for span in self._spans if span.trace_id == trace_id]

        with self._changed:
            self._changed.wait_for(
                lambda: set(names) <= {span.name for span in of_trace()}, timeout_s
            )
            return of_trace()

    def _take(self, request: ExportTraceServiceRequest) -> None:
        with self._changed:
            for resource in request.resource_spans:
                service = _attributes(resource.resource.attributes).get("service.name", "")
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        self._spans.append(
                            ReceivedSpan(
                                service=service,
                                name=span.name,
                                trace_id=span.trace_id.hex(),
                                span_id=span.span_id.hex(),
                                parent_id=span.parent_span_id.hex(),
                                began_at_s=span.start_time_unix_nano / 1e9,
                                ended_at_s=span.end_time_unix_nano / 1e9,
                                attributes=_attributes(span.attributes),
                                events=tuple(event.name for event in span.events),
                                failed=span.status.code == span.status.STATUS_CODE_ERROR,
                            )
                        )
            self._changed.notify_all()


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        kind = pair.value.WhichOneof("value")
        found[pair.key] = str(getattr(pair.value, kind)) if kind else ""
    return found
