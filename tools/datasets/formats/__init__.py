"""Row formats of the training methods, and their rules."""
