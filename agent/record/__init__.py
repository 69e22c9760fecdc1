"""Writing down a call while it is held: its sound, its words, what happened when."""
