"""`./run doctor`: what is wrong with this machine or its configuration, and what to do about it."""

from ops.doctor.command import main

__all__ = ["main"]
