"""Passes over data that take longer than a tool call may."""
