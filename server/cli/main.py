"""Entry point: pick the verb, load only what it needs, print errors in plain words."""

import argparse
import sys
from collections.abc import Sequence

from novaforge.guards.errors import NovaForgeError
from novaforge.server.cli.options import VERBS, parser, settings_of


def main(argv: Sequence[str] | None = None) -> None:
    """Run one verb and exit with its code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] not in VERBS and words[0] not in {"-h", "--help", "--version"}:
        words.insert(0, "serve")
    args = parser().parse_args(words or ["serve"])
    try:
        code = _run(args)
    except NovaForgeError as error:
        print(error.as_text(), file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def _run(args: argparse.Namespace) -> int:
    # Each verb is imported when asked for, so that `--version` and `approve` are quick.
    verb = getattr(args, "verb", None)
    if getattr(args, "version", False) or verb is None:
        from novaforge.server.app import own_version

        print(own_version())
        return 0
    if verb == "serve":
        from novaforge.server.cli.serve import run
    elif verb == "demo":
        from novaforge.server.demo.run import run
    elif verb == "doctor":
        from novaforge.server.cli.doctor import run
    elif verb == "sandbox":
        from novaforge.server.cli.sandbox import run
    else:
        from novaforge.server.cli.ledger import run
    return run(args, settings_of(args))
