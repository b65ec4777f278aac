"""The README says what the server says."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The generator as `make docs` runs it: beside its own folder's modules."""
    monkeypatch.syspath_prepend(str(HERE))
    spec = importlib.util.spec_from_file_location("readme_tables", HERE / "readme_tables.py")
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_generated_tables_are_up_to_date(tables: ModuleType) -> None:
    current = tables.README.read_text(encoding="utf-8")
    assert tables.filled(current) == current, "make docs renews them"


def test_the_published_schemas_are_those_of_the_code(tables: ModuleType) -> None:
    assert tables.schemas() == tables.SCHEMAS.read_text(encoding="utf-8"), "make docs renews them"
