"""Backups of an installation: all that could not be had again, in one file, and back."""
