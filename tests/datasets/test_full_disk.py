"""A disk that is full, and a folder that may not be written: a clear error, and the old state."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

ROWS = [(f"question {index} " + "x" * 500, "ab"[index % 2]) for index in range(2000)]

SCRIPT = """
import resource, sys
from pathlib import Path
from typing import Any
from novaforge.guards.errors import ConfigError
from novaforge.guards.policy import Policy
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.datasets.tool import transform_dataset
from datetime import UTC, datetime

root, limit = Path(sys.argv[1]), int(sys.argv[2])
ctx = ToolContext(
    mode=Mode(), policy=Policy(), ledger=None, aws=None, audit=None, storage=Storage(Aws(), (root,)),
    clock=lambda: datetime.now(UTC), work_dir=root / "work",
)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    transform_dataset(
        ctx, source=str(root / "data.csv"), target=str(root / "out"), method="SFT_LORA", model="nova_lite_2",
        split={"train": 0.5, "test": 0.5} if sys.argv[3] == "split" else None,
    )
except ConfigError as error:
    print(error.as_text())
    sys.exit(3)
"""


@pytest.mark.parametrize("split", ["split", "whole"])
def test_a_file_that_cannot_grow_leaves_the_old_state_and_says_so(desk: "Desk", split: str) -> None:
    desk.csv(ROWS)
    before = desk.tree()
    command = [sys.executable, "-c", SCRIPT, str(desk.folder), "200000", split]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 3, ended.stderr
    assert "File too large" in ended.stdout and "nothing was left behind" in ended.stdout
    assert desk.tree() == before
    assert {path.name for path in desk.folder.iterdir()} == {"data.csv", "work"}


def test_a_full_disk_while_the_journal_is_written_leaves_the_old_state(desk: "Desk") -> None:
    desk.csv(ROWS)
    command = [sys.executable, "-c", SCRIPT, str(desk.folder), "10", "whole"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 3, ended.stderr
    assert not (desk.folder / "out").exists() and not [
        path for path in desk.folder.iterdir() if path.name.startswith(".")
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_may_not_be_written_is_a_clear_error(desk: "Desk") -> None:
    source = desk.csv(ROWS)
    closed = desk.folder / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(Exception, match="Permission denied"):
        desk.transform(source, "closed/out")
    assert not list(Path(closed).iterdir())
