"""Metrics of chats, in the registry of the process that serves them."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BUCKETS = (0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0, 30.0)


class ChatMetrics:
    """Times are in seconds since a message came in."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.connections = Gauge("chat_connections", "Open chats", registry=registry)
        self.messages = Counter(
            "chat_messages",
            "Messages answered; outcome done, clarification, replaced, gone, or an error's code",
            ["outcome"],
            registry=registry,
        )
        self.first_token_s = Histogram(
            "chat_first_token_seconds",
            "A message came in to the first token of its answer",
            buckets=_BUCKETS,
            registry=registry,
        )
        self.results_s = Histogram(
            "chat_results_seconds",
            "A message came in to its results",
            buckets=_BUCKETS,
            registry=registry,
        )
        self.answer_s = Histogram(
            "chat_answer_seconds",
            "A message came in to the end of its answer",
            buckets=_BUCKETS,
            registry=registry,
        )
