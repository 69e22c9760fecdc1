"""Two LiveKit nodes over Redis with an agent server each, on one machine: a cluster's stand-in."""
