"""One streaming pass on all cores."""
