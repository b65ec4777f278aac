"""Run the sandbox: python -m novaforge.server.sandbox --folder DIR [--port N]."""

import argparse
import signal
import sys
from pathlib import Path

from novaforge.server.sandbox import process


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM, SIGINT or a shutdown request; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m novaforge.server.sandbox", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the sandbox keeps its files")
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 takes a free one")
    given = parser.parse_args(argv)
    folder: Path = given.folder.expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not process.claim(folder):
        live = process.running(folder)
        print(f"A sandbox is running over {folder} already{f' at {live.url}' if live else ''}.", file=sys.stderr)
        return process.ALREADY_RUNNING
    _serve(folder, given.port)
    return 0


def _serve(folder: Path, port: int) -> None:
    from novaforge.server.sandbox.endpoint import Endpoint
    from novaforge.server.sandbox.settings import load

    endpoint = Endpoint(folder, load(folder), port)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: endpoint.stopping.set())
    endpoint.start()
    process.announce(folder, endpoint.url, endpoint.sandbox.life)
    print(f"Sandbox AWS endpoint at {endpoint.url}, files in {folder}", flush=True)
    endpoint.stopping.wait()
    endpoint.close()
    (folder / process.PID_FILE).unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
