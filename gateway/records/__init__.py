"""The records of calls, for who runs this Parley."""
