"""What rules of spoken text are built of, for every language."""
