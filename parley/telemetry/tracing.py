"""Traces over OTLP: where the time of a turn went, across processes.

Trace ids are made and passed on whether or not anything is exported: the log lines of all
processes that belong to a turn carry them. Without an address no span is recorded.
"""

import contextvars
import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    NonRecordingSpan,
    NoOpTracer,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from parley.settings.telemetry import TelemetrySection

HEADER = "traceparent"
"""W3C Trace Context, as an HTTP header and as gRPC metadata."""

Attributes = Mapping[str, str | int | float | bool]

_propagator = TraceContextTextMapPropagator()
_chosen_ids: ContextVar[SpanContext | None] = ContextVar("chosen_ids", default=None)


class _Exporting:
    """What this process exports with, once it does."""

    tracer: trace.Tracer = NoOpTracer()
    sample_ratio = 0.0
    content = False


def configure_tracing(settings: TelemetrySection, *, part: str) -> None:
    """Exports this process's spans as the service `parley-<part>`; call it after a fork."""
    if not settings.otlp_endpoint:
        return
    from parley.telemetry.span_export import tracer_of  # noqa: PLC0415 - costs what it does

    _Exporting.tracer = tracer_of(
        settings.otlp_endpoint, service=f"parley-{part}", sample_ratio=settings.trace_sample_ratio
    )
    _Exporting.sample_ratio = settings.trace_sample_ratio
    _Exporting.content = settings.trace_content


def flush_traces(*, timeout_s: float = 2.0) -> None:
    """Sends what is still here; blocks for so long at most."""
    if not isinstance(_Exporting.tracer, NoOpTracer):
        from parley.telemetry.span_export import flush  # noqa: PLC0415

        flush(timeout_s)


def content(**said: str) -> Attributes:
    """Attributes that hold what people or the agent said: none unless that is allowed."""
    return said if _Exporting.content else {}


def new_turn() -> SpanContext:
    """The ids of a turn that has not begun: whoever works for it may be told already."""
    sampled = random.random() < _Exporting.sample_ratio  # noqa: S311 - ids hide nothing
    return SpanContext(
        trace_id=random.getrandbits(128) or 1,
        span_id=random.getrandbits(64) or 1,
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT),
    )


def begin_turn(ids: SpanContext, *, began_at_s: float | None, attributes: Attributes) -> Span:
    """The span of the turn that was announced under these ids; `began_at_s`: seconds since 1970."""
    if not ids.trace_flags.sampled:
        return NonRecordingSpan(ids)
    token = _chosen_ids.set(ids)
    try:
        return _Exporting.tracer.start_span(
            "turn",
            context=otel_context.Context(),
            attributes=attributes,
            start_time=_ns(began_at_s),
        )
    finally:
        _chosen_ids.reset(token)


def begin(
    name: str,
    *,
    parent: SpanContext | None = None,
    began_at_s: float | None = None,
    attributes: Attributes | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
) -> Span:
    """A span under `parent`, or under the current one. Whoever begins it ends it; times are
    seconds since 1970."""
    return _Exporting.tracer.start_span(
        name,
        context=_under(parent),
        kind=kind,
        attributes=attributes,
        start_time=_ns(began_at_s),
    )


def record(
    name: str,
    *,
    parent: SpanContext,
    began_at_s: float,
    ended_at_s: float,
    attributes: Attributes | None = None,
) -> None:
    """A span that is over; times are seconds since 1970."""
    begun = begin(name, parent=parent, began_at_s=began_at_s, attributes=attributes)
    begun.end(_ns(ended_at_s))


@contextmanager
def span(name: str, *, attributes: Attributes | None = None) -> Iterator[Span]:
    """A span around the block, which is current in it. What is raised marks it as failed."""
    with _current(begin(name, attributes=attributes)) as current:
        yield current


@contextmanager
def serving(
    metadata: Iterable[tuple[str, str | bytes]] | None, name: str, *, attributes: Attributes
) -> Iterator[Span]:
    """A span of the request with this gRPC metadata, under the caller's."""
    sent = next((str(value) for key, value in metadata or () if key == HEADER), "")
    parent = parsed(sent)
    begun = begin(name, parent=parent, attributes=attributes, kind=SpanKind.SERVER)
    with _current(begun) as current:
        yield current


@contextmanager
def _current(begun: Span) -> Iterator[Span]:
    """Ends it with the block. Of what is raised only its kind is kept: a text may be somebody's."""
    with trace.use_span(
        begun, end_on_exit=True, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except Exception as error:
            failed(current, type(error).__name__)
            raise


def failed(span: Span, why: str) -> None:
    """Marks the span as failed; `why` holds nothing that anybody said."""
    span.set_status(Status(StatusCode.ERROR, why))


def no_trace() -> str:
    """The traceparent of who traces nothing."""
    return ""


def task_context(span: Span) -> contextvars.Context:
    """A context for a task in which the span is current."""
    context = contextvars.copy_context()
    context.run(otel_context.attach, trace.set_span_in_context(span))
    return context


def work_for(ids: SpanContext | None) -> None:
    """Makes the turn, or none, current for the rest of the running task."""
    otel_context.attach(trace.set_span_in_context(NonRecordingSpan(ids or INVALID_SPAN_CONTEXT)))


def traceparent(ids: SpanContext | None = None) -> str:
    """As it is sent to others; of the current span where no other is given, empty for none."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, context=_under(ids))
    return carrier.get(HEADER, "")


def trace_metadata(traceparent: str) -> tuple[tuple[str, str], ...]:
    """The metadata of a gRPC request that belongs to this trace."""
    return ((HEADER, traceparent),) if traceparent else ()


def trace_headers() -> dict[str, str]:
    """The HTTP headers of a request that the current span makes."""
    return {HEADER: sent} if (sent := traceparent()) else {}


def parsed(traceparent: str) -> SpanContext | None:
    """None for what is none."""
    if not traceparent:
        return None
    found = trace.get_current_span(
        _propagator.extract({HEADER: traceparent}, context=otel_context.Context())
    ).get_span_context()
    return found if found.is_valid else None


def current_trace_id() -> str:
    """32 hex digits; empty outside of any turn."""
    found = trace.get_current_span().get_span_context()
    return trace.format_trace_id(found.trace_id) if found.is_valid else ""


def sampled_trace_id() -> str:
    """The same where the trace can be looked at: it is sampled."""
    found = trace.get_current_span().get_span_context()
    return current_trace_id() if found.trace_flags.sampled else ""


def chosen_ids() -> SpanContext | None:
    """Those that the span which begins now is to have."""
    return _chosen_ids.get()


def _under(parent: SpanContext | None) -> otel_context.Context | None:
    if parent is None:
        return None
    return trace.set_span_in_context(NonRecordingSpan(parent), otel_context.Context())


def _ns(at_s: float | None) -> int | None:
    return None if at_s is None else round(at_s * 1e9)
