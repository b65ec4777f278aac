"""Delete what was made, and see what it costs meanwhile."""
