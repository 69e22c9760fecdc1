"""What is wrong with this machine or its configuration, and what to do about it."""
