"""Starts Parley's parts on one machine, keeps them running, and leaves nothing behind."""
