"""How often the further checks of validate_dataset are right: python benchmarks/data_checks_quality.py [--sets N] [--rows N] [--data FOLDER] [--write FILE].

The checks see N clean sets of our own (default 200, of 1,000 rows), where nothing may fire, and N / 4 sets with each planted
defect, where its rule must fire. A clean set fires when a finding of the check is of severity warn, confirm or block.
With --data FOLDER a third table tells what the checks say about the real text there (see real_text.py).
"""

import argparse
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from blocks import machine, write_block
from planted import DEFECTS, Pair, clean, write
from real_text import real_sets

FAMILIES = ("DA11-", "DQ")
LOUD = ("warn", "confirm", "block")
APART = 1_000_000
"""Between the seeds of a set and of the one it is compared with."""

RULES = sorted(
    {rule for plant in DEFECTS.values() for rule in plant(clean(0, 200), clean(1, 200), random.Random(0)).rules}
)
Check = Callable[[list[Pair], list[Pair]], list[Any]]


def context(*folders: Path) -> Any:
    """Return a context in which the dataset tools may read and write these folders, and nothing else."""
    from novaforge.guards.policy import Policy
    from novaforge.tools.aws.session import Aws
    from novaforge.tools.aws.storage import Storage
    from novaforge.tools.context import Mode, ToolContext

    nothing = cast(Any, None)
    return ToolContext(
        Mode(), Policy(), nothing, Aws(), Storage(Aws(), folders), nothing, clock=lambda: datetime.now(UTC)
    )


def checker(folder: Path) -> Check:
    """Return a call of validate_dataset on two lists of rows: the file and one it must not share rows with."""
    from novaforge.tools.datasets.tool import validate_dataset

    ctx = context(folder)

    def check(rows: list[Pair], other: list[Pair]) -> list[Any]:
        write(folder / "rows.jsonl", rows)
        write(folder / "other.jsonl", other)
        given = {"source": str(folder / "rows.jsonl"), "against": str(folder / "other.jsonl")}
        return validate_dataset(ctx, method="SFT_LORA", model="nova_lite_2", **cast(Any, given)).findings

    return check


def loud(findings: Iterable[Any]) -> set[str]:
    """Return the rules of the further checks that fired."""
    return {item.rule for item in findings if item.severity in LOUD and item.rule.startswith(FAMILIES)}


def clean_sets(check: Check, sets: int, rows: int) -> str:
    """Return the table of rules that fired on clean sets."""
    fired: Counter[str] = Counter()
    for seed in range(sets):
        fired.update(loud(check(clean(seed, rows), clean(seed + APART, rows // 4))))
    lines = ["| rule | clean sets it fired on | rate |", "|---|---:|---:|"]
    return "\n".join(
        lines
        + [f"| {rule} | {fired[rule]} of {sets} | {fired[rule] / sets:.1%} |" for rule in sorted({*RULES, *fired})]
    )


def planted_sets(check: Check, sets: int, rows: int) -> str:
    """Return the table of planted defects: in how many sets the rule fired, on how many of the lines, and what else fired."""
    lines = ["| planted | found | rows named / planted | other rules that fired |", "|---|---:|---:|---|"]
    for name, plant in DEFECTS.items():
        found, named, put, others = 0, 0, 0, Counter[str]()
        for seed in range(sets):
            made = plant(clean(seed, rows), clean(seed + APART, rows // 4), random.Random(seed))
            findings = check(made.rows, made.other)
            seen = loud(findings)
            found += set(made.rules) <= seen
            named += sum(item.count for item in findings if item.rule in made.rules and made.lines)
            put += len(made.lines)
            others.update(seen - set(made.rules))
        shown = ", ".join(f"{rule} {count}" for rule, count in sorted(others.items())) or "-"
        lines.append(f"| {name} | {found} of {sets} | {f'{named} / {put}' if put else '-'} | {shown} |")
    return "\n".join(lines)


def main() -> None:
    """Print the tables, and perhaps write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        check = checker(Path(name))
        tables = [clean_sets(check, given.sets, given.rows), planted_sets(check, max(1, given.sets // 4), given.rows)]
        if given.data:
            tables.append(real_sets(lambda data: context(data, Path(name)), given.data.resolve(), Path(name)))
    about = f"{given.sets} clean sets of {given.rows} rows, each compared with {given.rows // 4} others. "
    shown = "\n\n".join((about + machine("data_checks_quality"), *tables))
    print(shown)
    if given.write:
        write_block(given.write, "checks", shown)


if __name__ == "__main__":
    main()
