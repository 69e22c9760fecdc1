"""Metrics, logs and profiles."""
