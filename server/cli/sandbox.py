"""`sandbox`: the embedded AWS alone, for boto3 code of your own."""

import argparse

from novaforge.server.settings import Settings


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run the endpoint in the foreground until interrupted."""
    from novaforge.server.sandbox.__main__ import serve_forever  # here: needs the extra "sandbox"

    folder = (settings.state_dir if settings.sandbox else settings.state_dir / "sandbox").resolve()
    return serve_forever(folder, args.port)
