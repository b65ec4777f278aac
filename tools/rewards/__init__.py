"""Test reward functions and plan their deployment as Lambda functions."""
