"""What tests and benchmarks share: isolated instances, workers of their own, fakes on the wire."""
