"""Checkpoints: what a running turn has done, so that another process can go on with it."""
