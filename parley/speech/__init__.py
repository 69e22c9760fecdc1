"""Clients of the speech workers: used by the agent, `say` and `transcribe`."""

from parley.speech.recognition.client import (
    FlushMark,
    RecognitionRequest,
    RecognizedWord,
    Transcript,
    TranscriptKind,
)
from parley.speech.recognition.pool import RecognitionPool
from parley.speech.synthesis.client import (
    AudioChunk,
    SpeechEvent,
    SynthesisDone,
    SynthesisRequest,
    SynthesisStarted,
    SynthesisWords,
    TextSpoken,
    WordTiming,
)
from parley.speech.synthesis.pool import SpeechPool

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
