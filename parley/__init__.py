"""The spine every Parley process shares."""

__version__ = "0.1.0"
