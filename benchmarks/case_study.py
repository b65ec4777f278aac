"""Run the whole case study on labelled questions in the sandbox and check what it must reach.

Usage: python benchmarks/case_study.py FOLDER, where FOLDER holds sft.csv, rft.csv and eval.csv with columns Body and Y.
Fails unless exact match after SFT is at least 0.70 and 0.5 above the baseline, and RFT stays within one standard error.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SFT_LEAST, GAIN_LEAST, SECONDS_MOST = 0.70, 0.50, 20 * 60


def run(data: Path, work: Path) -> dict[str, Any]:
    """Run the demo on the three files and return its figures."""
    files = [word for name in ("sft", "rft", "eval") for word in (f"--{name}", str(data / f"{name}.csv"))]
    words = ["demo", "--yes", *files, "--query", "Body", "--response", "Y", "--folder", str(work / "demo")]
    subprocess.run([sys.executable, "-m", "novaforge.server", *words, "--report", str(work / "report")], check=True)
    figures: dict[str, Any] = json.loads((work / "report" / "result.json").read_text(encoding="utf-8"))
    return figures


def misses(figures: dict[str, Any]) -> list[str]:
    """Return what was not reached."""
    baseline, sft, rft = figures["table"]["exact_match"]
    checks = {
        f"exact match after SFT at least {SFT_LEAST}": sft["value"] >= SFT_LEAST,
        f"SFT at least {GAIN_LEAST} above the baseline": sft["value"] - baseline["value"] >= GAIN_LEAST,
        "RFT not below SFT by more than one standard error": rft["value"] >= sft["value"] - sft["se"],
        "the comparison says what is significant": len(figures["verdict"]) >= 3,
        "nothing left running": not figures["running"],
        f"within {SECONDS_MOST // 60} minutes": figures["seconds"] <= SECONDS_MOST,
    }
    for name, reached in checks.items():
        print(f"[{' ok ' if reached else 'MISS'}] {name}")
    return [name for name, reached in checks.items() if not reached]


def main() -> None:
    """Run and check."""
    with tempfile.TemporaryDirectory() as work:
        figures = run(Path(sys.argv[1]).resolve(), Path(work))
    sys.exit(1 if misses(figures) else 0)


if __name__ == "__main__":
    main()
