"""Keys of the API: who holds one may ask for what its scopes say, as often as it says."""
