"""The agent's metrics: dashboards and alerts rely on these names, labels and buckets.

Recorded by the job processes in prometheus-client's multiprocess mode, so a gauge says how it adds
up over processes. What the agent server alone knows (workers_active, workers_idle,
sla_compliance_percent) is made when it is asked for: agent/health/exposition.py.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

SLA_FIRST_AUDIO_S = 0.5
"""A synthesis is within the SLA when its first audio comes within this."""
SILENCE_S = 0.05
"""The objective of barge_in_latency_seconds{stage="decision_to_silence"}, p99."""
ONSET_TO_SILENCE_S = (0.18, 0.3)
"""Median and p95 at the ear, from the person's first sound on: its first part is measured here."""
RESPONSE_S = (0.45, 0.65)
"""The objective of turn_latency_seconds{stage="total"}: median and p95."""

# An objective is a bound of its buckets: its share is counted, not guessed from what lies around.
FIRST_AUDIO_BUCKETS_S = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0)
BARGE_IN_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.18, 0.25, 0.3, 0.5, 1.0)
TURN_BUCKETS_S = (0.1, 0.25, 0.45, 0.5, 0.65, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
STAGE_BUCKETS_S = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0)

synthesis_latency_seconds = Histogram(
    "synthesis_latency_seconds",
    "The first text is handed over to first audio, as the agent saw it, refusals and other "
    "workers included; worker is the one that was heard",
    ["voice", "engine", "worker"],
    buckets=FIRST_AUDIO_BUCKETS_S,
)
synthesis_total = Counter(
    "synthesis",
    "Utterances asked for, counted when their first audio has come or will not; worker none: "
    "none was heard",
    ["voice", "engine", "worker"],
)
synthesis_withdrawn_total = Counter(
    "synthesis_withdrawn",
    "Utterances given up within the SLA and before their first audio, as a guess at the end of a "
    "turn is: not in synthesis_total",
)
synthesis_errors_total = Counter("synthesis_errors", "Utterances that failed", ["reason"])
sla_violations_total = Counter(
    "sla_violations", "Of synthesis_total: first audio beyond the SLA, or failed, or given up later"
)

recognition_latency_seconds = Histogram(
    "recognition_latency_seconds",
    "A turn has ended, as the agent decided, to its FINAL, as the agent waited for it",
    buckets=STAGE_BUCKETS_S,
)
recognition_errors_total = Counter(
    "recognition_errors", "Times no worker could recognize a call's speech; asked again at once"
)
tool_latency_seconds = Histogram(
    "tool_latency_seconds",
    "A tool begins to run to its result; tool none: it never ran",
    ["tool", "outcome"],
    buckets=STAGE_BUCKETS_S,
)
answer_errors_total = Counter(
    "answer_errors", "Answers of the conversation engine that failed", ["code"]
)

sessions_active = Gauge("sessions_active", "Calls in progress", multiprocess_mode="livesum")
session_duration_seconds = Histogram(
    "session_duration_seconds",
    "Length of a call",
    buckets=(5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200),
)
session_messages = Counter("session_messages", "Messages of a conversation", ["role"])
session_barge_ins = Counter("session_barge_ins", "Replies the person interrupted")
playout_underruns = Counter(
    "playout_underruns", "Times a listener heard a gap because the next sound was not there yet"
)
reply_text_waits = Counter(
    "reply_text_waits", "Times a reply had sounded as far as the model had written it"
)
barge_in_latency_seconds = Histogram(
    "barge_in_latency_seconds",
    "stage onset_to_decision: speech starts to the decision to fall silent; "
    "decision_to_silence: from there to the end of the last audible sample in the track, of "
    "replies that sounded and were given up",
    ["stage"],
    buckets=BARGE_IN_BUCKETS_S,
)
turn_latency_seconds = Histogram(
    "turn_latency_seconds",
    "stage endpointing, asr, llm_first_token, tts_first_audio; total is end of the person's "
    "speech to first audio of the answer, which a filler is not",
    ["stage"],
    buckets=TURN_BUCKETS_S,
)

# A series that begins with its first event hides that event: a rate needs one sample before it.
for _stage in ("endpointing", "asr", "llm_first_token", "tts_first_audio", "total"):
    turn_latency_seconds.labels(_stage)
for _stage in ("onset_to_decision", "decision_to_silence"):
    barge_in_latency_seconds.labels(_stage)
for _role in ("user", "assistant"):
    session_messages.labels(_role)


@contextmanager
def counted_session() -> Iterator[None]:
    """Counts a call that lasts as long as the block."""
    began_s = time.monotonic()
    sessions_active.inc()
    try:
        yield
    finally:
        sessions_active.dec()
        session_duration_seconds.observe(time.monotonic() - began_s)
