"""How spans leave a process: in batches, over OTLP/HTTP. Imported only where they do."""

from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Tracer

from parley.telemetry.tracing import chosen_ids

EXPORT_EVERY_S = 1.0
EXPORT_WITHIN_S = 3.0
"""A receiver that is away costs the spans, and nobody's time."""

_providers: list[TracerProvider] = []


def tracer_of(endpoint: str, *, service: str, sample_ratio: float) -> Tracer:
    """A tracer that exports to `endpoint`, the OTLP/HTTP address without `/v1/traces`."""
    provider = TracerProvider(
        # Not the global one: the framework would write what people say into spans of its own.
        resource=Resource.create({"service.name": service}),
        sampler=ParentBased(_TurnSampler(sample_ratio)),
        id_generator=_TurnIds(),
    )
    exporter = OTLPSpanExporter(
        endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_WITHIN_S
    )
    provider.add_span_processor(
        BatchSpanProcessor(exporter, schedule_delay_millis=round(1000 * EXPORT_EVERY_S))
    )
    _providers.append(provider)
    return provider.get_tracer("parley")


def flush(timeout_s: float) -> None:
    """Sends what is still here; blocks for so long at most."""
    for provider in _providers:
        provider.force_flush(round(1000 * timeout_s))


class _TurnIds(RandomIdGenerator):
    """A turn's span has the ids under which it was announced."""

    def generate_trace_id(self) -> int:
        ids = chosen_ids()
        return ids.trace_id if ids is not None else super().generate_trace_id()

    def generate_span_id(self) -> int:
        ids = chosen_ids()
        return ids.span_id if ids is not None else super().generate_span_id()


class _TurnSampler(Sampler):
    """Of spans without a parent: turns have been drawn as they were announced."""

    def __init__(self, ratio: float) -> None:
        self._others = TraceIdRatioBased(ratio)

    def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
        sampler: Sampler = ALWAYS_ON if chosen_ids() is not None else self._others
        return sampler.should_sample(*args, **kwargs)

    def get_description(self) -> str:
        return f"turns as drawn, others {self._others.get_description()}"
