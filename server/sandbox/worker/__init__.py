"""The process behind a sandbox job: it trains, evaluates or serves a small stand-in model."""
