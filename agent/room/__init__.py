"""What the agent and the clients in the room tell each other beside audio."""
