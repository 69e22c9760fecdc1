"""Providers of language models, and the registry that asks the next when one fails."""
