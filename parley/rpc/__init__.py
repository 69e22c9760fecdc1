"""The contract between processes, generated from proto/: `./run proto`."""
