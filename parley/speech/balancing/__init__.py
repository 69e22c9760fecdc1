"""Which worker is asked: what is known of each, who is chosen, who is left alone for a while."""
