"""Models: one manifest of what exists, and a store that fetches, verifies and caches it."""
