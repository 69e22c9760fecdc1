"""Other agents, each as its documentation shows it, in an environment of its own."""
