"""`sandbox`: the embedded AWS alone, for boto3 code of your own."""

import argparse

from novaforge.server.settings import Settings


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run the endpoint in the foreground until interrupted."""
    from novaforge.server.sandbox.__main__ import main  # here: needs the extra "sandbox"

    folder = (settings.state_dir if settings.sandbox else settings.state_dir / "sandbox").resolve()
    return main(["--folder", str(folder), "--port", str(args.port)])
