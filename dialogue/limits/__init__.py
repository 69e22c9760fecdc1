"""How often something may happen, over all processes."""
