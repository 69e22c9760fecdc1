"""Spoken text: how a voice should say what a model wrote."""

from dialogue.text.spoken.text import Speaker, SpokenText, SpokenWord

__all__ = ["Speaker", "SpokenText", "SpokenWord"]
