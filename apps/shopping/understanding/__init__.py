"""From what a person says to a typed requirement."""
