"""The synthesis service: text in, paced PCM and word times out."""
