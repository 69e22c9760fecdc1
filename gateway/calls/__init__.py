"""Calls: the page, the tokens that open a room, the voices to choose from."""
