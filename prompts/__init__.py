"""The playbooks an agent follows, as Markdown files and their loader."""
