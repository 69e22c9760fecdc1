"""Kokoro-82M (Apache-2.0): several English voices of one network, spoken in growing chunks."""
