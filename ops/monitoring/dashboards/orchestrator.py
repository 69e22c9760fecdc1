"""Orchestrator: conversations over WebSocket and HTTP, and where the time of their turns goes."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from ops.monitoring.dashboards.panels import (
    COUNT,
    PER_SECOND,
    SECONDS,
    SHARE,
    Query,
    chart,
    dashboard,
    number,
    quantile,
    quantiles,
    rate,
    row,
)

TITLE = "Orchestrator"
_TOTAL = "stage='total'"
_FAILED = "orchestrator_turns_total{outcome='failed'}"


def board() -> Dashboard:
    page = dashboard("parley-orchestrator", TITLE, "Conversations over WebSocket and HTTP.")
    return _behind(_traffic(_latency(_summary(page))))


def _summary(page: Dashboard) -> Dashboard:
    total = quantile(0.95, "orchestrator_stage_seconds", where=_TOTAL)
    failed = f"({rate(_FAILED)}) / clamp_min({rate('orchestrator_turns_total')}, 1e-9)"
    return (
        page.with_row(row("Now"))
        .with_panel(
            number(
                "Sessions",
                COUNT,
                Query("sum(orchestrator_active_sessions)", "held"),
                about="Held by a connection or a request, in all processes.",
            )
        )
        .with_panel(
            number(
                "Thinking",
                COUNT,
                Query("sum(orchestrator_active_pipelines)", "turns"),
                about="Turns whose answer is being made.",
            )
        )
        .with_panel(
            number(
                "Turns",
                PER_SECOND,
                Query(rate("orchestrator_turns_total"), "answered"),
                about="Turns answered, a second; an apology is an answer too.",
            )
        )
        .with_panel(
            number(
                "Failed turns",
                SHARE,
                Query(failed, "failed"),
                about="Turns in which something failed, of all. Target: under 0.1%.",
            )
        )
        .with_panel(
            number(
                "End to end, p95",
                SECONDS,
                Query(total, "p95"),
                about="The end of speech until the response. Target: 0.465 s.",
            )
        )
        .with_panel(
            number(
                "Interrupts",
                PER_SECOND,
                Query(rate("orchestrator_interrupts_total"), "cut short"),
                about="Answers that the person has cut short, a second.",
            )
        )
    )


def _latency(page: Dashboard) -> Dashboard:
    by_stage = quantile(0.95, "orchestrator_stage_seconds", by="stage")
    return (
        page.with_row(row("Latency"))
        .with_panel(
            chart(
                "End to end",
                SECONDS,
                *quantiles("orchestrator_stage_seconds", where=_TOTAL),
                about="The end of speech until the response.",
                limit=0.465,
            )
        )
        .with_panel(
            chart(
                "By stage, p95",
                SECONDS,
                Query(by_stage, "{{stage}}"),
                about="parallel is intent and retrieval side by side.",
            )
        )
        .with_panel(
            chart(
                "Left out",
                PER_SECOND,
                Query(rate("orchestrator_left_out_total", by="what, why"), "{{what}} {{why}}"),
                about="What answers went without, because it was late or failed.",
            )
        )
    )


def _traffic(page: Dashboard) -> Dashboard:
    return (
        page.with_row(row("Traffic"))
        .with_panel(
            chart(
                "Changes of state",
                PER_SECOND,
                Query(rate("orchestrator_transitions_total", by="old, new"), "{{old}} to {{new}}"),
                about="Of all sessions.",
            )
        )
        .with_panel(
            chart(
                "Requests",
                PER_SECOND,
                Query(
                    rate("orchestrator_requests_total", by="route, status"), "{{route}} {{status}}"
                ),
                about="HTTP by status; a WebSocket counts when it ends, by its close code.",
            )
        )
        .with_panel(
            chart(
                "Errors",
                PER_SECOND,
                Query(rate("orchestrator_errors_total", by="code"), "{{code}}"),
                about="What clients were told, or could have been.",
            )
        )
    )


def _behind(page: Dashboard) -> Dashboard:
    return (
        page.with_row(row("Behind it"))
        .with_panel(
            chart(
                "Circuit breakers",
                COUNT,
                Query("max by (name) (circuit_breaker_state)", "{{name}}"),
                about="0 closed, 1 half-open, 2 open.",
            )
        )
        .with_panel(
            chart(
                "Requests to models",
                PER_SECOND,
                Query(
                    rate("model_requests_total", by="provider, outcome"), "{{provider}} {{outcome}}"
                ),
                about="overtaken: another provider was sooner.",
            )
        )
        .with_panel(
            chart(
                "HTTP, p95",
                SECONDS,
                Query(
                    quantile(0.95, "orchestrator_request_duration_seconds", by="route"), "{{route}}"
                ),
                about="A request until its answer has left.",
            )
        )
    )
