"""The commands of `./run`, one a file."""
