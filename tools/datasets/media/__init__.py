"""Images, videos and documents that rows refer to."""
