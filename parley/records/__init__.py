"""The record of a call: what its lines are, where records lie, and how they are read."""
