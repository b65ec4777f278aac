"""`serve`: the MCP server over stdio, or streamable HTTP."""

import argparse
import logging

from novaforge.server.app import build_server
from novaforge.server.settings import Settings


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Serve until the client goes away."""
    logging.basicConfig(level=settings.log_level)
    server = build_server(settings)
    if args.http is None:
        server.run("stdio")
    else:
        from novaforge.server.http import run_http  # here: stdio servers do not need it

        run_http(server, args.host, args.http, tuple(args.allowed_host or ()))
    return 0
