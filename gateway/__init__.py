"""The web gateway: page, access tokens, API."""
