"""Clients of the speech workers: what the agent, `say` and `transcribe` speak and hear through."""

from parley.speech.hearing import RecognitionPool
from parley.speech.pool import SpeechPool
from parley.speech.recognition import (
    FlushMark,
    RecognitionRequest,
    RecognizedWord,
    Transcript,
    TranscriptKind,
)
from parley.speech.synthesis import (
    AudioChunk,
    SpeechEvent,
    SynthesisDone,
    SynthesisRequest,
    SynthesisStarted,
    SynthesisWords,
    TextSpoken,
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
    "TextSpoken",
    "Transcript",
    "TranscriptKind",
    "WordTiming",
]
