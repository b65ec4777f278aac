"""What a pass over rows counts, and its findings."""
