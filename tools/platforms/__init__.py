"""Places where jobs run, one module each."""
