"""Piper voices in three stages. GPL-3.0-or-later enters here: only the TTS worker imports it."""
