"""Conversations: calls, where the time of a turn goes, interruptions, tools."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from ops.monitoring.burn_rates import BAD
from ops.monitoring.dashboards.panels import (
    COUNT,
    PER_SECOND,
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

TITLE = "Conversations"
_TURN = "turn_latency_seconds"
_BARGE_IN = "barge_in_latency_seconds"


def board(objectives: ObjectiveFile) -> Dashboard:
    page = dashboard("parley-conversations", TITLE, "What people in calls notice.")
    limits = {each.name: each.within_s for each in objectives.objectives}
    page = _turns(_summary(page), limits["turn_latency"])
    return _answers(_interruptions(page, limits["barge_in_silence"]))


def _summary(page: Dashboard) -> Dashboard:
    total = 'stage="total"'
    return (
        page.with_row(row("Now"))
        .with_panel(
            number(
                "Calls",
                COUNT,
                Query("sum(sessions_active)", "in progress"),
                about="Calls in progress.",
            )
        )
        .with_panel(
            number(
                "Answer, median",
                SECONDS,
                Query(quantile(0.5, _TURN, where=total), "p50"),
                about="The end of a person's speech until the first audio of the answer.",
            )
        )
        .with_panel(
            number(
                "Answer, p95",
                SECONDS,
                Query(quantile(0.95, _TURN, where=total), "p95"),
                about="The same, of the slowest in twenty.",
            )
        )
        .with_panel(
            number(
                "Silence after a barge-in, p99",
                SECONDS,
                Query(quantile(0.99, _BARGE_IN, where='stage="decision_to_silence"'), "p99"),
                about="The decision to yield until the last audible sample. Target: 0.05 s.",
            )
        )
        .with_panel(
            number(
                "Interrupted",
                SHARE,
                Query(_interrupted(), "of replies"),
                about="Replies that the person interrupted.",
            )
        )
        .with_panel(
            number(
                "Refused calls",
                SHARE,
                Query(f'{BAD}5m{{objective="availability"}}', "refused"),
                about="Calls that were asked for and got no room or no agent, in 5 minutes.",
            )
        )
    )


def _turns(page: Dashboard, limit: float | None) -> Dashboard:
    return (
        page.with_row(row("Turns"))
        .with_panel(
            chart(
                "Answer",
                SECONDS,
                *quantiles(_TURN, where='stage="total"'),
                about="The end of a person's speech until the first audio of the answer, which a "
                "filler is not.",
                limit=limit,
            )
        )
        .with_panel(
            chart(
                "Stages, median",
                SECONDS,
                Query(quantile(0.5, _TURN, where='stage!="total"', by="stage"), "{{stage}}"),
                about="They overlap: a reply is begun on a guess. The one that grows is to blame.",
            )
        )
        .with_panel(
            chart(
                "Stages, p95",
                SECONDS,
                Query(quantile(0.95, _TURN, where='stage!="total"', by="stage"), "{{stage}}"),
                about="The same, of the slowest in twenty.",
            )
        )
        .with_panel(
            chart(
                "Recognition: end of turn to FINAL",
                SECONDS,
                *quantiles("recognition_latency_seconds"),
                about="As the agent waited for it, other workers included.",
            )
        )
        .with_panel(
            chart(
                "Calls",
                COUNT,
                Query("sum(sessions_active)", "in progress"),
                about="Calls in progress.",
            )
        )
        .with_panel(
            chart(
                "Length of calls",
                SECONDS,
                *quantiles("session_duration_seconds"),
                about="Of those that ended.",
            )
        )
    )


def _interruptions(page: Dashboard, limit: float | None) -> Dashboard:
    silence = 'stage="decision_to_silence"'
    onset = 'stage="onset_to_decision"'
    yields = f"{_BARGE_IN}_count{{{onset}}}"
    return (
        page.with_row(row("Interruptions"))
        .with_panel(
            chart(
                "Speech to the decision to yield",
                SECONDS,
                *quantiles(_BARGE_IN, where=onset),
                about="The person begins to speak until the agent gives way for good.",
            )
        )
        .with_panel(
            chart(
                "Decision to silence",
                SECONDS,
                *quantiles(_BARGE_IN, where=silence),
                about="Until the last audible sample has left the agent.",
                limit=limit,
            )
        )
        .with_panel(
            chart(
                "Barge-ins and yields",
                PER_SECOND,
                Query(rate("session_barge_ins_total"), "replies interrupted"),
                Query(rate(yields), "yields"),
                about="A yield before anything sounded interrupts no reply.",
            )
        )
    )


def _answers(page: Dashboard) -> Dashboard:
    return (
        page.with_row(row("Answers"))
        .with_panel(
            chart(
                "Tools, p95",
                SECONDS,
                Query(quantile(0.95, "tool_latency_seconds", by="tool"), "{{tool}}"),
                about="A tool begins to run until its result.",
            )
        )
        .with_panel(
            chart(
                "Tool calls",
                PER_SECOND,
                Query(
                    rate("tool_latency_seconds_count", by="tool, outcome"), "{{tool}} {{outcome}}"
                ),
                about="By what came of them.",
            )
        )
        .with_panel(
            chart(
                "Messages",
                PER_SECOND,
                Query(rate("session_messages_total", by="role"), "{{role}}"),
                about="What was said by either.",
            )
        )
        .with_panel(
            chart(
                "What failed",
                PER_SECOND,
                Query(rate("answer_errors_total", by="code"), "answer {{code}}"),
                Query(rate("recognition_errors_total"), "recognition"),
                Query(rate("synthesis_errors_total", by="reason"), "synthesis {{reason}}"),
                about="Answers of the engine, speech that nobody could recognize, utterances.",
            )
        )
        .with_panel(
            chart(
                "Gaps that were heard",
                PER_SECOND,
                Query(rate("playout_underruns_total"), "sound was late"),
                Query(rate("reply_text_waits_total"), "text was late"),
                about="A listener heard a gap: because of the voice, or because of the model.",
            )
        )
        .with_panel(
            chart(
                "Calls asked for",
                PER_SECOND,
                Query(rate("gateway_tokens_total", by="outcome"), "{{outcome}}"),
                about="Granted, or why not.",
            )
        )
    )


def _interrupted() -> str:
    barge_ins = f"(sum(rate(session_barge_ins_total[{RECENT}])) or vector(0))"
    replies = f'(sum(rate(session_messages_total{{role="assistant"}}[{RECENT}])) > 0)'
    return f"{barge_ins} / {replies}"
