"""One scoreboard per node: its agent server asks the workers, its calls read what is known."""
