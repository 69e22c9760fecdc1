"""Recognizing through the workers: one Recognize stream, on whichever worker lasts."""
