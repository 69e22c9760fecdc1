"""Where sessions are kept: they outlive the process that holds the conversation."""
