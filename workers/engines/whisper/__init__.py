"""Whisper on CTranslate2: short context, guards against loops and noise."""
