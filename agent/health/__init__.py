"""What the agent says of itself and of the parts it needs: /health, /readiness, /metrics."""
