"""The data path beside its floors and the peer, in one run: python benchmarks/data_path.py [SIZE ...].

    --full           also 6,000,000 rows: needs about 25 GB of free disk, which is checked first
    --only TEXT      only cases whose name holds TEXT (their floors run too)
    --peer PYTHON    also AWS's SDK, in the same run: PYTHON is an interpreter with amzn-nova-forge installed; sizes up to 60,000
    --folder DIR     where to put the files (default: the system's temporary folder)
    --write FILE     replace the block between the markers of this benchmark in FILE, such as README.md

Each case runs in a fresh process, one after the other. Compare the columns of one run, never seconds of two machines.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from blocks import machine, write_block
from data_cases import CASES, CHAT, CONVERSE, FLOORS, OTHER, RULES_ALONE, TABLE, write_other
from data_sources import write_chat, write_csv
from measure import Measured, measure

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SIZES, FULL = (60_000, 600_000), 6_000_000
DISK_PER_ROW = 4200
"""Bytes per row that a size needs at most at one time: a source, a floor's output, a case's output and its spool."""

PEER_MOST = 60_000
PEER = {
    ("SFT", 60_000): 8_300,
    ("SFT", 600_000): 7_500,
    ("RFT", 60_000): 17_000,
    ("RFT", 600_000): 15_000,
    ("EVALUATION", 60_000): 30_000,
    ("EVALUATION", 600_000): 26_000,
    ("chat", 60_000): 102,
}
"""Rows per second of amzn-nova-forge 1.4.6 by path and size: measured elsewhere, on another 2-core machine, so that a ratio to it says
the order of magnitude only; --peer measures side by side."""

HEAD = ("rows", "case", "wall s", "CPU s", "rows/s", "MB/s read", "x floor", "x SFT", "x rules", "x peer", "peak MB")
BLOCK = "data"


class Line(NamedTuple):
    """One line of the table."""

    rows: int
    case: str
    took: Measured
    read_bytes: int
    floor: float | None
    sft: float | None
    """Wall seconds of the SFT transform of this size, for the checks of what it wrote."""
    rules: float | None
    """Wall seconds of the pass of this size that checks the format's rules alone, for the same."""
    peer: float | None

    def cells(self) -> list[str]:
        """Return the line as shown."""
        wall = self.took.wall
        rate = self.rows / wall
        beside = [f"{wall / other:.2f}" if other else "" for other in (self.floor, self.sft, self.rules)]
        peer = "" if self.peer is None else f"{rate / self.peer:.1f}"
        shown = (f"{wall:.2f}", f"{self.took.cpu:.2f}", f"{rate:,.0f}", f"{self.read_bytes / wall / 1e6:.0f}")
        return [f"{self.rows:,}", self.case, *shown, *beside, peer, f"{self.took.peak_mb:.0f}"]


def lines(rows: int, folder: Path, only: str, peer: str) -> Iterator[Line]:
    """Run the cases of one size."""
    walls: dict[str, float] = {}
    live_peer: float | None = None
    names = _wanted(only)
    for place, name in enumerate(names, start=1):
        case = CASES[name]
        source = folder / case.source
        if not source.exists():
            (write_csv if case.source == TABLE else write_chat)(source, rows)
        if "other" in case.arguments:
            write_other(folder, rows // 10)
        took = measure([sys.executable, str(HERE / "data_cases.py"), name, str(folder)], ROOT)
        walls[name] = took.wall
        if peer and name == FLOORS["csv"] and rows <= PEER_MOST:
            theirs = measure([peer, str(HERE / "data_peer.py"), str(folder)], folder)
            live_peer = rows / theirs.wall
            yield Line(rows, "amzn-nova-forge, SFT", theirs, source.stat().st_size, walls[name], None, None, None)
        floor = walls.get(FLOORS.get(case.floor, ""))
        known = live_peer if live_peer and case.peer == "SFT" else PEER.get((case.peer, rows))
        sft = walls.get("SFT") if case.source == CONVERSE else None
        rules = walls.get(RULES_ALONE) if case.source == CONVERSE and name != RULES_ALONE else None
        yield Line(rows, name, took, source.stat().st_size, floor, sft, rules, known)
        shutil.rmtree(folder / "out", ignore_errors=True)
        _drop(folder, OTHER, "floor_chat.jsonl", *(f"peer-{part}.jsonl" for part in ("train", "validation", "test")))
        _drop(folder, *({TABLE, CHAT, CONVERSE} - {CASES[later].source for later in names[place:]}))


def _wanted(only: str) -> list[str]:
    found = [name for name in CASES if only.lower() in name.lower()]
    needed = {FLOORS[CASES[name].floor] for name in found if CASES[name].floor}
    return [name for name in CASES if name in found or name in needed]


def _drop(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)


def table(found: list[Line]) -> str:
    """Return the Markdown table."""
    rows = [HEAD, ("---:", "---", *("---:",) * 9), *(line.cells() for line in found)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main() -> None:
    """Run, print and perhaps write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES)
    for option in ("--only", "--peer", "--folder"):
        parser.add_argument(option, default="")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    sizes = [*given.sizes, FULL] if given.full else list(given.sizes)
    if not given.peer:
        print("amzn-nova-forge is not measured in this run: give --peer PYTHON", file=sys.stderr)
    found: list[Line] = []
    with tempfile.TemporaryDirectory(dir=given.folder or None) as name:
        for rows in sizes:
            need, free = rows * DISK_PER_ROW, shutil.disk_usage(name).free
            if free < need:
                sys.exit(f"{rows:,} rows need about {need / 1e9:.0f} GB in {name}, {free / 1e9:.0f} GB are free")
            for line in lines(rows, Path(name), given.only, given.peer):
                print(" | ".join(line.cells()), file=sys.stderr, flush=True)
                found.append(line)
    shown = f"{machine('data_path')}\n\n{table(found)}"
    print(shown)
    if given.write:
        write_block(given.write, BLOCK, shown)


if __name__ == "__main__":
    main()
