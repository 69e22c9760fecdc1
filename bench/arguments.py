"""Values that the benchmarks' command lines take."""

import argparse


def positive(text: str) -> int:
    """A whole number of at least 1; raises ArgumentTypeError for anything else."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)
