"""Conversations over a WebSocket and HTTP: /orchestrate, and what operators ask about it."""
