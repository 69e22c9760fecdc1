"""Speaking through the workers: one Synthesize call an utterance, on whichever worker lasts."""
