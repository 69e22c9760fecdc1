"""The metrics contract: dashboards and alerts rely on these names, labels and buckets.

Each process exposes those it records. The agent's job processes use prometheus-client's
multiprocess mode, so every gauge says how it adds up across processes.
"""

from prometheus_client import Counter, Gauge, Histogram

FIRST_AUDIO_BUCKETS_S = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0)
BARGE_IN_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5)
TURN_BUCKETS_S = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)

SLA_FIRST_AUDIO_S = 0.5
"""A synthesis is within the SLA when its first audio comes within this."""

# Recorded by the agent, as it saw its speech workers.
synthesis_latency_seconds = Histogram(
    "synthesis_latency_seconds",
    "Request to first audio, as the agent saw it",
    ["voice", "engine", "worker"],
    buckets=FIRST_AUDIO_BUCKETS_S,
)
synthesis_total = Counter("synthesis", "Utterances requested", ["voice", "engine", "worker"])
synthesis_errors_total = Counter("synthesis_errors", "Utterances that failed", ["reason"])
sla_compliance_percent = Gauge(
    "sla_compliance_percent",
    "Share of this process's syntheses with first audio within the SLA",
    multiprocess_mode="livemin",
)
sla_violations_total = Counter("sla_violations", "Syntheses with first audio beyond the SLA")
workers_active = Gauge(
    "workers_active", "Speech workers with an utterance of ours", multiprocess_mode="livemax"
)
workers_idle = Gauge(
    "workers_idle", "Healthy speech workers without one", multiprocess_mode="livemin"
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
    "decision_to_silence: from there to the last audible sample",
    ["stage"],
    buckets=BARGE_IN_BUCKETS_S,
)
turn_latency_seconds = Histogram(
    "turn_latency_seconds",
    "stage endpointing, asr, llm_first_token, tts_first_audio; total is end of the person's "
    "speech to first audio",
    ["stage"],
    buckets=TURN_BUCKETS_S,
)

# Recorded by each speech worker of itself.
synthesis_queue_depth = Gauge(
    "synthesis_queue_depth", "Utterances waiting for a slot", multiprocess_mode="livesum"
)
worker_utilization_percent = Gauge(
    "worker_utilization_percent", "Slots in use, of all", multiprocess_mode="livemostrecent"
)
