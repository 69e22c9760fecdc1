"""What a person wants, as one of the intents an operator has named."""
