"""Where requests and the state of their workflows are kept: DynamoDB, or SQLite alike."""
