"""`sandbox`: the embedded AWS alone, for boto3 code of your own."""

import argparse
from dataclasses import replace

from novaforge.server.sandbox.process import stop
from novaforge.server.settings import Settings


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run the endpoint in the foreground until interrupted, or stop the one in the background."""
    folder = replace(settings, sandbox=True).state_dir.resolve()
    if args.stop:
        print("The sandbox was stopped." if stop(folder) else "No sandbox is running.")
        return 0
    from novaforge.server.sandbox.__main__ import main  # here: needs the extra "sandbox"

    return main(["--folder", str(folder), "--port", str(args.port)])
