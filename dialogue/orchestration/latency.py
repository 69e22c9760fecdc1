"""Where the time of a turn went."""

from pydantic import BaseModel, ConfigDict


class LatencyBreakdown(BaseModel):
    """In milliseconds. What was not asked for took 0."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    stt_ms: float = 0.0
    """From the end of speech until its words were here, as far as the client's timestamps tell."""
    intent_ms: float = 0.0
    rag_ms: float = 0.0
    parallel_ms: float = 0.0
    """Intent and retrieval side by side."""
    llm_ms: float = 0.0
    """From asking the model until its answer was whole."""
    llm_first_token_ms: float = 0.0
    tts_ms: float = 0.0
    """From the first words for the voice until its first audio."""
    total_ms: float = 0.0
    """From the end of speech until the response."""
