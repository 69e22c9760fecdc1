"""Workers and nodes: who is there, how busy each is, and what it takes."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from ops.monitoring.dashboards.panels import (
    BYTES,
    COUNT,
    PERCENT,
    RECENT,
    SECONDS,
    SHARE,
    YES_NO,
    Query,
    chart,
    dashboard,
    number,
    quantile,
    row,
)

TITLE = "Workers and nodes"
_AT = "{{job}} {{instance}}"


def board() -> Dashboard:
    page = dashboard("parley-workers-and-nodes", TITLE, "The processes that serve calls.")
    return _processes(_found(_workers(_presence(page))))


def _presence(page: Dashboard) -> Dashboard:
    for job, title in (
        ("agent", "Agents"),
        ("tts", "Voices"),
        ("asr", "Recognition"),
        ("gateway", "Gateways"),
    ):
        page = page.with_panel(
            number(
                title,
                COUNT,
                Query(f'sum(up{{job="{job}"}})', "up"),
                about=f"Processes of {job} that answer Prometheus.",
                good_from=1,
            )
        )
    return page.with_panel(
        number(
            "Warm voice",
            YES_NO,
            Query("min(voice_warm)", "warm"),
            about="Every agent finds a worker that has the default voice in memory.",
            good_from=1,
        )
    ).with_panel(
        number(
            "Parts that answer",
            SHARE,
            Query("avg(part_up)", "of all"),
            about="Of what the agents' calls need.",
            good_from=1,
        )
    )


def _workers(page: Dashboard) -> Dashboard:
    return (
        page.with_row(row("Workers"))
        .with_panel(
            chart(
                "Slots in use",
                PERCENT,
                Query("worker_utilization_percent", _AT),
                about="Target: 50 to 80%.",
            )
        )
        .with_panel(
            chart(
                "Work that waits",
                COUNT,
                Query("synthesis_queue_depth", "texts at {{instance}}"),
                Query("recognition_queue_depth", "decodes at {{instance}}"),
                about="Target: under 10.",
                limit=10,
            )
        )
        .with_panel(
            chart(
                "Their own latency, p95",
                SECONDS,
                Query(
                    quantile(0.95, "worker_first_audio_seconds", by="instance"),
                    "first audio at {{instance}}",
                    exemplars=True,
                ),
                Query(
                    quantile(0.95, "worker_final_seconds", by="instance"),
                    "FINAL at {{instance}}",
                    exemplars=True,
                ),
                about="Text to first audio, and end of turn to FINAL, inside the worker.",
            )
        )
    )


def _found(page: Dashboard) -> Dashboard:
    return (
        page.with_panel(
            chart(
                "Parts, as the agents find them",
                YES_NO,
                Query("min by (part) (part_up)", "{{part}}"),
                about="0: at least one agent gets no answer.",
            )
        )
        .with_panel(
            chart(
                "Healthy voices",
                COUNT,
                Query("max(workers_active)", "speaking"),
                Query("max(workers_idle)", "idle"),
                about="Synthesis workers, as the agents find them.",
            )
        )
        .with_panel(
            chart(
                "Scrapes",
                YES_NO,
                Query("up", _AT),
                about="Who answers Prometheus.",
            )
        )
    )


def _processes(page: Dashboard) -> Dashboard:
    return (
        page.with_row(row("Processes"))
        .with_panel(
            chart(
                "CPU",
                COUNT,
                Query(f"rate(process_cpu_seconds_total[{RECENT}])", _AT),
                about="Cores in use. The agent's is that of the server and all its calls.",
            )
        )
        .with_panel(
            chart(
                "Memory",
                BYTES,
                Query("process_resident_memory_bytes", _AT),
                about="Resident; the agent's is that of the server and all its calls.",
            )
        )
        .with_panel(
            chart(
                "Tasks",
                COUNT,
                Query("event_loop_tasks", _AT),
                about="asyncio tasks: what is never awaited or cancelled shows here.",
            )
        )
    )
