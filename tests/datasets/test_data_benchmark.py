"""The benchmark of the data path runs as the README says and writes its block and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is read from /proc"),
]


def test_it_runs_as_a_plain_script_and_replaces_its_block(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench:data -->\nold\n<!-- /bench -->\nafter\n", encoding="utf-8")
    words = [sys.executable, "benchmarks/data_path.py", "200", "--only", "SFT", "--folder", str(tmp_path)]
    ran = subprocess.run([*words, "--write", str(page)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- bench:data -->\n20") and text.endswith("\n<!-- /bench -->\nafter\n")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| 200 ")]
    assert [row[1] for row in rows] == ["floor: CSV to Converse", "SFT", "floor: chat to Converse", "chat to SFT"]
    assert "amzn-nova-forge is not measured" in ran.stderr
    assert list(tmp_path.iterdir()) == [page]
