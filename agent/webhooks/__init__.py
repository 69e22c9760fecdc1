"""Telling another server of calls: what happened is left on disk, and sent from there."""
