"""Sources: what they are, and their rows."""
