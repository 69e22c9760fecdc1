"""Whisper on CTranslate2: short context, guards against loops and noise, voice activity."""

from workers.engines.whisper.hearing import HeardWord, Hearing, Utterance
from workers.engines.whisper.recognizer import Recognizer
from workers.engines.whisper.voice_activity import VoiceActivity, VoiceDetector

__all__ = ["HeardWord", "Hearing", "Recognizer", "Utterance", "VoiceActivity", "VoiceDetector"]
