"""Checks beyond the format: what will hurt training."""
