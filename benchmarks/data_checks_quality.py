"""How often the further checks of validate_dataset are right: python benchmarks/data_checks_quality.py [SETS] [ROWS].

Each check sees SETS clean sets of our own (default 200, of 1,000 rows), where nothing may fire, and SETS / 4 sets with each planted
defect, where the rule must fire. A clean set fires when a finding of the check is of severity warn, confirm or block.
"""

import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from planted import DEFECTS, Pair, clean, write

FAMILIES = ("DA11-", "DQ")
LOUD = ("warn", "confirm", "block")


def checker(folder: Path) -> Any:
    """Return a call of validate_dataset on two lists of rows: the file and one it must not share rows with."""
    from novaforge.guards.policy import Policy
    from novaforge.tools.aws.session import Aws
    from novaforge.tools.aws.storage import Storage
    from novaforge.tools.context import Mode, ToolContext
    from novaforge.tools.datasets.tool import validate_dataset

    nothing = cast(Any, None)
    ctx = ToolContext(
        Mode(), Policy(), nothing, Aws(), Storage(Aws(), (folder,)), nothing, clock=lambda: datetime.now(UTC)
    )

    def check(rows: list[Pair], other: list[Pair]) -> list[Any]:
        write(folder / "rows.jsonl", rows)
        write(folder / "other.jsonl", other)
        given = {"source": str(folder / "rows.jsonl"), "against": str(folder / "other.jsonl")}
        return validate_dataset(ctx, method="SFT_LORA", model="nova_lite_2", **cast(Any, given)).findings

    return check


def loud(findings: Iterable[Any]) -> set[str]:
    """Return the rules of the further checks that fired."""
    return {item.rule for item in findings if item.severity in LOUD and item.rule.startswith(FAMILIES)}


def main() -> None:
    """Print the two tables."""
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    with tempfile.TemporaryDirectory() as name:
        check = checker(Path(name))
        fired: Counter[str] = Counter()
        for seed in range(sets):
            fired.update(loud(check(clean(seed, rows), clean(seed + 1_000_000, rows // 4))))
        print(
            f"{sets} clean sets of {rows} rows, compared with {rows // 4} others\n\n| rule | fired | rate |\n|---|---:|---:|"
        )
        for rule, count in sorted(fired.items()) or [("(none)", 0)]:
            print(f"| {rule} | {count} | {count / sets:.1%} |")
        print("\n| planted | sets | found | other rules that fired |\n|---|---:|---:|---|")
        for name, plant in DEFECTS.items():
            found, others, tries = 0, Counter[str](), max(1, sets // 4)
            for seed in range(tries):
                planted = plant(clean(seed, rows), clean(seed + 1_000_000, rows // 4), random.Random(seed))
                seen = loud(check(planted.rows, planted.other))
                found += bool(seen & set(planted.rules))
                others.update(seen - set(planted.rules))
            shown = ", ".join(f"{rule} {count}" for rule, count in sorted(others.items())) or "-"
            print(f"| {name} | {tries} | {found} | {shown} |")


if __name__ == "__main__":
    main()
