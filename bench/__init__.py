"""Benchmarks: speed is claimed here, as ratios measured in one run."""
