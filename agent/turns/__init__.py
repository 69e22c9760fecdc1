"""Who has the floor, and when a turn begins and ends."""
