"""Rows left out on request."""
