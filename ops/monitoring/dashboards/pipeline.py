"""TTS Pipeline Metrics: how soon speech begins, how often it fails, how full the workers are."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from ops.monitoring.burn_rates import BAD
from ops.monitoring.dashboards.panels import (
    COUNT,
    PER_SECOND,
    PERCENT,
    RECENT,
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
from ops.monitoring.objectives import ObjectiveFile

TITLE = "TTS Pipeline Metrics"
_OUTSTANDING = "sla:compliance_percent:rate5m"


def board(objectives: ObjectiveFile) -> Dashboard:
    page = dashboard("parley-tts-pipeline", TITLE, "From a text to its first sound.")
    return _load(_failures(_latency(_summary(page), objectives)))


def _summary(page: Dashboard) -> Dashboard:
    latency = "synthesis_latency_seconds"
    return (
        page.with_row(row("Now"))
        .with_panel(
            number(
                "SLA compliance",
                PERCENT,
                Query(_OUTSTANDING, "compliance"),
                about="Of all that was asked to be said in 5 minutes: first audio within 0.5 s.",
                good_from=99,
            )
        )
        .with_panel(
            number(
                "First audio, p95",
                SECONDS,
                Query(quantile(0.95, latency), "p95"),
                about="A text is handed over until its first audio, as the agent waited for it.",
            )
        )
        .with_panel(
            number(
                "Syntheses",
                PER_SECOND,
                Query(rate("synthesis_total"), "asked for"),
                about="Utterances that were asked for, a second.",
            )
        )
        .with_panel(
            number(
                "Errors",
                SHARE,
                Query(_error_share(), "errors"),
                about="Failed utterances, of those asked for. Alert from 10%.",
            )
        )
        .with_panel(
            number(
                "Queue",
                COUNT,
                Query("max(synthesis_queue_depth)", "deepest"),
                about="Texts that wait for a slot, at the worker with most. Target: under 10.",
            )
        )
        .with_panel(
            number(
                "Utilization",
                PERCENT,
                Query('avg(worker_utilization_percent{job="tts"})', "slots in use"),
                about="Slots in use, of all. Target: 50 to 80%.",
            )
        )
    )


def _latency(page: Dashboard, objectives: ObjectiveFile) -> Dashboard:
    first_audio = next(each for each in objectives.objectives if each.name == "first_audio")
    worst = quantile(0.95, "synthesis_latency_seconds", by="voice, worker")
    own = quantile(0.95, "worker_first_audio_seconds", by="instance")
    return (
        page.with_row(row("Latency"))
        .with_panel(
            chart(
                "Time to first audio",
                SECONDS,
                *quantiles("synthesis_latency_seconds"),
                about="As the agent waited: refusals and lost workers are in it.",
                limit=first_audio.within_s,
            )
        )
        .with_panel(
            chart(
                "By voice and worker, p95",
                SECONDS,
                Query(worst, "{{voice}} at {{worker}}"),
                about="Which worker, or which voice, is late.",
                limit=first_audio.within_s,
            )
        )
        .with_panel(
            chart(
                "At the worker, p95",
                SECONDS,
                Query(own, "{{instance}}", exemplars=True),
                about="Its own share. What the agent waits beyond it is the way there, refusals, "
                "and workers that were lost. Dots are traces.",
            )
        )
    )


def _failures(page: Dashboard) -> Dashboard:
    return (
        page.with_row(row("Promises and failures"))
        .with_panel(
            chart(
                "SLA compliance",
                PERCENT,
                Query(_OUTSTANDING, "within 0.5 s"),
                about="Alert under 95% for 10 minutes. What failed counts as late.",
            )
        )
        .with_panel(
            chart(
                "Late, against the budget",
                SHARE,
                Query(f'{BAD}5m{{objective="first_audio"}}', "last 5 minutes"),
                Query(f'{BAD}1h{{objective="first_audio"}}', "last hour"),
                about="The share that was not as promised; the budget is 1% over 30 days.",
            )
        )
        .with_panel(
            chart(
                "Errors, late, withdrawn",
                PER_SECOND,
                Query(rate("synthesis_errors_total", by="reason"), "error {{reason}}"),
                Query(rate("sla_violations_total"), "SLA violations"),
                Query(rate("synthesis_withdrawn_total"), "withdrawn"),
                about="Withdrawn: a guess at the end of a turn, given up before anybody waited.",
            )
        )
    )


def _load(page: Dashboard) -> Dashboard:
    return (
        page.with_row(row("Load"))
        .with_panel(
            chart(
                "Queue depth",
                COUNT,
                Query("synthesis_queue_depth", "{{instance}}"),
                about="Texts and new streams that wait for a slot.",
                limit=10,
            )
        )
        .with_panel(
            chart(
                "Utilization",
                PERCENT,
                Query('worker_utilization_percent{job="tts"}', "{{instance}}"),
                about="Slots in use, of all.",
            )
        )
        .with_panel(
            chart(
                "Workers",
                COUNT,
                Query("max(workers_active)", "speaking"),
                Query("max(workers_idle)", "idle"),
                about="Healthy synthesis workers, as the agents find them.",
            )
        )
    )


def _error_share() -> str:
    errors = f"(sum(rate(synthesis_errors_total[{RECENT}])) or vector(0))"
    return f"{errors} / (sum(rate(synthesis_total[{RECENT}])) > 0)"
