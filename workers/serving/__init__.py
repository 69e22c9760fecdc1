"""How a worker serves: admission, lease, status, draining, watchdog."""
