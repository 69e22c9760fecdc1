"""Sentences as vectors, for intents and retrieval."""
