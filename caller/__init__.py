"""Synthetic callers: join a room, speak recorded audio, hear, measure."""
