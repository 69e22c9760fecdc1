"""Speech workers: synthesis and recognition behind gRPC."""
