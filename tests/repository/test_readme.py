"""The README says what the server says."""

import importlib.util
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("readme_tables", HERE / "readme_tables.py")
    assert spec is not None and spec.loader is not None
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    return tables


def test_generated_tables_are_up_to_date() -> None:
    tables = generator()
    current = tables.README.read_text(encoding="utf-8")
    assert tables.filled(current) == current, "make docs renews them"


def test_the_published_schemas_are_those_of_the_code() -> None:
    tables = generator()
    assert tables.schemas() == tables.SCHEMAS.read_text(encoding="utf-8"), "make docs renews them"
