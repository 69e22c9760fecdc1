"""Passages of an operator's documents that answer what a person said."""
