"""Read the catalog's own data files, which lie beside this module."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any


@lru_cache(maxsize=8)
def load(name: str) -> dict[str, Any]:
    """Return one JSON data file of this folder, read once; callers must not change it."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data
