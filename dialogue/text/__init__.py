"""From what a model writes to what a voice speaks, and back to what the page shows."""
