"""Engines that need no model: one hums every word, one tells how long somebody spoke."""
