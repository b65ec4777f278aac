"""The gate's world, loaded by path: test folders are no packages."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.gate.world import World

PATH = Path(__file__).with_name("world.py")


def load_world() -> Any:
    """Return the module world.py, loaded once per process."""
    if "gate_world" not in sys.modules:
        spec = importlib.util.spec_from_file_location("gate_world", PATH)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["gate_world"] = module
        spec.loader.exec_module(module)
    return sys.modules["gate_world"]


class Processes:
    """Runs an action in a process of its own that SIGKILLs itself at a checkpoint."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, str(PATH)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def run(self, verb: str, world: "World", plan_id: str, checkpoint: str = "") -> int:
        """Return the exit code, negative for the signal that ended the process."""
        assert self._server.stdin is not None and self._server.stdout is not None
        line = json.dumps([verb, str(world.folder), world.ledger_url, plan_id, checkpoint])
        self._server.stdin.write(f"{line}\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def close(self) -> None:
        """End the helper."""
        self._server.communicate(timeout=300)


@pytest.fixture(scope="session")
def processes() -> Iterator[Processes]:
    """Return the runner of doomed processes."""
    made = Processes()
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgres"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty ledger on SQLite, and on PostgreSQL where the environment names one."""
    return str(load_world().fresh_ledger(request.param, tmp_path))


@pytest.fixture
def world(tmp_path: Path) -> Iterator["World"]:
    """Return a world on a SQLite ledger."""
    made = load_world().World(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}")
    yield made
    made.close()
