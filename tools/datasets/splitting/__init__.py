"""How rows are divided among files."""
