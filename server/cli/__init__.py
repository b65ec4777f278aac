"""The command line: `novaforge-mcp [serve|approve|plans|jobs|audit|doctor|sandbox|demo]`."""

from novaforge.server.cli.main import main

__all__ = ["main"]
