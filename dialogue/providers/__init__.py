"""Providers of language models: their protocols, and a registry that asks the next when one fails."""
