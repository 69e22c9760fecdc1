"""Pictures and recordings that come with a wish."""
