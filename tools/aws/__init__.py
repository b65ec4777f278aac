"""Access to AWS: session and clients, request checks against the service models, error translation, S3 and local files."""
