"""What rows are, and how they become rows of a format."""
