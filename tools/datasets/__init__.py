"""Reading, describing, transforming and checking datasets."""
