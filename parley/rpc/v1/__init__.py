"""Generated from proto/parley/rpc/v1 by `./run proto`; not edited by hand."""
