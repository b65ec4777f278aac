"""Arguments of the command line and the settings they stand for."""

import argparse
from pathlib import Path
from typing import Any

from novaforge.guards.errors import ConfigError
from novaforge.guards.policy import Policy
from novaforge.server.settings import TOOLSETS, Settings, read_policy

VERBS = ("serve", "approve", "plans", "jobs", "audit", "doctor", "sandbox", "demo")


def parser() -> argparse.ArgumentParser:
    """Return the parser; every verb takes the options that say which ledger and which AWS."""
    top = argparse.ArgumentParser(
        prog="novaforge-mcp", description="The assistant that fine-tunes Amazon Nova and never surprises with a bill."
    )
    top.add_argument("--version", action="store_true", help="print the version")
    verbs = top.add_subparsers(dest="verb", metavar="VERB")
    serve = _verb(verbs, "serve", "run the MCP server (the default)")
    _serving(serve)
    approve = _verb(verbs, "approve", "show a plan in this terminal and ask for your approval")
    approve.add_argument("plan_id")
    _policy_option(approve)
    _verb(verbs, "plans", "list plans").add_argument("--all", action="store_true", help="also closed ones")
    _verb(verbs, "jobs", "list jobs as last seen")
    audit = _verb(verbs, "audit", "check the audit log")
    audit.add_argument("action", choices=["verify"])
    _verb(verbs, "doctor", "say what is installed, configured and reachable, and how to fix the rest")
    sandbox = _verb(verbs, "sandbox", "run the sandbox endpoint alone, until interrupted")
    sandbox.add_argument("--port", type=int, default=0, help="loopback port; default: a free one")
    sandbox.add_argument("--stop", action="store_true", help="stop the sandbox that serve --sandbox started")
    _demo(_verb(verbs, "demo", "rehearse the whole loop in the sandbox"))
    return top


def settings_of(args: argparse.Namespace) -> Settings:
    """Return the settings the arguments stand for; raises ConfigError on an unknown toolset or unreadable file."""
    toolsets = tuple((args.toolsets or ",".join(TOOLSETS)).split(",")) if hasattr(args, "toolsets") else TOOLSETS
    if unknown := [name for name in toolsets if name not in TOOLSETS]:
        raise ConfigError(f"Unknown toolset {', '.join(unknown)}.", fix=f"choose from {', '.join(TOOLSETS)}")
    policy = Path(args.policy).expanduser().resolve() if getattr(args, "policy", None) else None
    return Settings(
        sandbox=args.sandbox,
        allow_write=getattr(args, "allow_write", False),
        read_only=getattr(args, "read_only", False),
        toolsets=toolsets,
        policy=_policy(policy),
        policy_file=policy,
        ledger_url=args.ledger,
        roots=tuple(Path(root).expanduser().resolve() for root in getattr(args, "root", None) or ()),
        state=Path(args.state).expanduser().resolve() if args.state else None,
        region=args.region,
        profile=args.profile,
        role=getattr(args, "role", None),
    )


def _policy(path: Path | None) -> Policy:
    try:
        return read_policy(path)
    except OSError as error:
        raise ConfigError(f"Policy file {path} cannot be read: {error}.", fix="check the path") from error


def _verb(verbs: Any, name: str, text: str) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    verb.add_argument(
        "--sandbox", action="store_true", help="use the embedded AWS: free, real training of a small stand-in"
    )
    verb.add_argument("--state", metavar="DIR", help="where ledger, audit log and sandbox files live")
    verb.add_argument("--ledger", metavar="URL", help="SQLAlchemy URL of the ledger, such as postgresql+psycopg://...")
    verb.add_argument("--region", help="AWS region")
    verb.add_argument("--profile", help="AWS profile")
    return verb


def _serving(serve: argparse.ArgumentParser) -> None:
    serve.add_argument("--allow-write", action="store_true", help="let approved plans change AWS (off by default)")
    serve.add_argument("--read-only", action="store_true", help="never change anything; wins over --allow-write")
    serve.add_argument("--toolsets", metavar="A,B", help=f"show only these: {','.join(TOOLSETS)}")
    _policy_option(serve)
    serve.add_argument(
        "--root", metavar="DIR", action="append", help="folder whose files may be read and written (repeatable)"
    )
    serve.add_argument("--role", help="default execution role")
    serve.add_argument("--http", metavar="PORT", type=int, help="serve streamable HTTP instead of stdio")
    serve.add_argument("--host", default="127.0.0.1", help="address for --http (default: loopback only)")
    serve.add_argument(
        "--allowed-host", metavar="HOST", action="append", help="Host header to accept besides loopback (repeatable)"
    )


def _policy_option(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--policy", metavar="FILE", help="TOML file with the operator's limits")


def _demo(demo: argparse.ArgumentParser) -> None:
    demo.add_argument(
        "--data", metavar="CSV", help="any labelled CSV; default: docstrings of Python's standard library"
    )
    demo.add_argument("--sft", metavar="CSV", help="separate file for SFT")
    demo.add_argument("--rft", metavar="CSV", help="separate file for RFT")
    demo.add_argument("--eval", metavar="CSV", help="separate file for evaluation")
    demo.add_argument("--query", default="query", help="column with the text")
    demo.add_argument("--response", default="response", help="column with the label")
    demo.add_argument("--yes", action="store_true", help="answer the approvals as a person would, and say so")
    demo.add_argument("--small", action="store_true", help="fewer rows and steps, for a quick check")
    demo.add_argument("--folder", metavar="DIR", default=".demo", help="working folder, emptied at the start")
    demo.add_argument("--report", metavar="DIR", default="demo-report", help="where the report goes")
