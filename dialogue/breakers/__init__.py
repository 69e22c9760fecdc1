"""Circuit breakers around everything that is asked over a network, shared by all processes."""
