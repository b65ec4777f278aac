"""`demo`: rehearse the whole loop in a sandbox of its own and write a report."""

import argparse
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

from novaforge.guards.errors import InputError, NovaForgeError
from novaforge.server.demo.driver import Driver, answer_as_person, make_elicitation, say
from novaforge.server.demo.inputs import Inputs, default_inputs, describe, split_file
from novaforge.server.demo.outcome import closing_table, write_outcome
from novaforge.server.demo.study import Study
from novaforge.server.demo.terminal import Terminal
from novaforge.server.sandbox.process import stop
from novaforge.server.settings import Settings

INTRO = """novaforge demo: the whole customization loop, rehearsed in a sandbox on this machine.
No AWS account is used and nothing is billed. A small stand-in model is really trained in Nova's place:
this proves the pipeline, the data, the reward and the reading of results; it does not predict Nova's score."""


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run the demo from a clean start; leaves no process behind, whatever happens."""
    folder, report = Path(args.folder).resolve(), Path(args.report).resolve()
    state = folder / "state"
    _start_clean(folder, state)
    say(INTRO)
    try:
        return anyio.run(_main, args, folder, state, report)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - sorted out there, raised again if unforeseen
        return _explain(error)
    finally:
        stop(_sandbox_dir(state))


def _explain(error: BaseException) -> int:
    """Say why the demo ended and return its exit code; what nobody foresaw is raised again."""
    leaves = list(_leaves(error))
    if any(isinstance(leaf, KeyboardInterrupt) for leaf in leaves):
        say("\nInterrupted; everything it had started is being stopped.")
        return 130
    known = [leaf for leaf in leaves if isinstance(leaf, NovaForgeError)]
    if not known:
        raise error
    for leaf in known:
        say(f"\nThe demo stopped: {leaf.as_text()}")
    return 1


async def _main(args: argparse.Namespace, folder: Path, state: Path, report: Path) -> int:
    began = time.monotonic()
    inputs = _inputs(args, folder / "data")
    ask = answer_as_person if args.yes else Terminal()
    server = StdioServerParameters(
        command=sys.executable,
        args=[
            "-m",
            "novaforge.server",
            "serve",
            "--sandbox",
            "--state",
            str(state),
            "--root",
            str(folder),
            *_outer_roots(inputs),
        ],
    )
    async with Client(server, elicitation_callback=make_elicitation(ask)) as client:
        driver = Driver(client)
        study = Study(driver, inputs, f"s3://novaforge-sandbox/demo-{secrets.token_hex(3)}")
        outcome: dict[str, Any] = await study.run()
    seconds = time.monotonic() - began
    closing_table(study, outcome, seconds)
    page = write_outcome(report, study, outcome, _sandbox_dir(state), seconds)
    say(f"\nReport: {page}")
    return 0


def _inputs(args: argparse.Namespace, folder: Path) -> Inputs:
    folder.mkdir(parents=True)
    separate = [args.sft, args.rft, args.eval]
    if any(separate):
        if not all(separate):
            raise InputError("SFT, RFT and EVAL go together.", field="files", fix="name all three files, or DATA alone")
        files = [Path(name).expanduser().resolve() for name in separate]
        return describe(folder, files[0], files[1], files[2], args.query, args.response, small=args.small)
    if args.data:
        source = Path(args.data).expanduser().resolve()
        return split_file(folder, source, args.query, args.response, small=args.small)
    return default_inputs(folder, small=args.small)


def _outer_roots(inputs: Inputs) -> list[str]:
    folders = {str(path.parent) for path in (inputs.sft, inputs.rft, inputs.evaluation)}
    return [word for folder in sorted(folders) for word in ("--root", folder)]


def _sandbox_dir(state: Path) -> Path:
    return Settings(sandbox=True, state=state).state_dir


def _start_clean(folder: Path, state: Path) -> None:
    """Empty the working folder of an earlier demo; refuses a folder that is not one."""
    if folder.exists():
        if not (folder / ".novaforge-demo").exists() and any(folder.iterdir()):
            raise InputError(
                f"{folder} is not a demo's folder.", field="folder", value=str(folder), fix="choose an empty one"
            )
        stop(_sandbox_dir(state))
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / ".novaforge-demo").touch()


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield what a nested group of exceptions holds."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
