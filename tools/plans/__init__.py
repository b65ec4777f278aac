"""Drafting, showing, applying and reconciling plans."""
