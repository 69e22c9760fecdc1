"""CosyVoice 2: voices cloned from a recording. It runs in an environment of its own (torch)."""
