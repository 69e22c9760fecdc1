"""Agents built on the public words alone."""
