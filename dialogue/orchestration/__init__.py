"""A conversation in four states: who speaks, what is thought about, and which process holds it."""
