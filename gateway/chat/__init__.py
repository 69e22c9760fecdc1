"""Talking with an agent by text over a WebSocket, whatever its engine."""
