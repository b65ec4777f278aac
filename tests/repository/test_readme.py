"""The README says what the server says."""

import importlib.util
from pathlib import Path

HERE = Path(__file__).parent


def test_generated_tables_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("readme_tables", HERE / "readme_tables.py")
    assert spec is not None and spec.loader is not None
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    current = tables.README.read_text(encoding="utf-8")
    assert tables.filled(current) == current, "make docs renews them"
