"""Experiments: which configuration answers whom, and whether one is better."""
