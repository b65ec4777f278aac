"""Plan endpoints for trained checkpoints and call them."""
