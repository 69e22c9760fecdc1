"""The workflow: a LangGraph graph that is kept after every node, and goes on from there."""
