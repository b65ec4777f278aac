"""`python -m novaforge.server` is `novaforge-mcp`."""

from novaforge.server.cli import main

main()
