"""Scripted conversations: their file, how they are held by text and by voice, and the checks."""
