"""Ledgers on both databases."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.gate.world import World

WORLD = Path(__file__).parents[1] / "gate" / "world.py"


def _module() -> Any:
    if "gate_world" not in sys.modules:
        spec = importlib.util.spec_from_file_location("gate_world", WORLD)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["gate_world"] = module
        spec.loader.exec_module(module)
    return sys.modules["gate_world"]


@pytest.fixture(params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator["World"]:
    """Return a world on SQLite, and on PostgreSQL where NOVAFORGE_TEST_POSTGRES names a server."""
    module = _module()
    made = module.World(tmp_path, module.fresh_ledger(request.param, tmp_path))
    yield made
    made.close()
