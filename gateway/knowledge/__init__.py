"""What is known beside the model: intents, documents, services."""
