"""Clients of the speech workers: what the agent, `say` and `transcribe` speak and hear through."""

from parley.speech.recognition import (
    FlushMark,
    RecognitionPool,
    RecognitionRequest,
    RecognizedWord,
    Transcript,
    TranscriptKind,
)
from parley.speech.synthesis import (
    AudioChunk,
    SpeechEvent,
    SpeechPool,
    SynthesisDone,
    SynthesisRequest,
    SynthesisStarted,
    SynthesisWords,
    WordTiming,
)

__all__ = [
    "AudioChunk",
    "FlushMark",
    "RecognitionPool",
    "RecognitionRequest",
    "RecognizedWord",
    "SpeechEvent",
    "SpeechPool",
    "SynthesisDone",
    "SynthesisRequest",
    "SynthesisStarted",
    "SynthesisWords",
    "Transcript",
    "TranscriptKind",
    "WordTiming",
]
