"""Metrics by role (agent, worker, gateway): a process registers only what it records. And logs."""
