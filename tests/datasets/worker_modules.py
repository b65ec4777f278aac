"""Modules of tests that workers import too."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent
"""Put this in PYTHONPATH for the workers: `tests` may be somebody else's package there."""


def by_own_name(stem: str) -> ModuleType:
    """Import a file of this folder by its plain name, as the workers do."""
    spec = importlib.util.spec_from_file_location(stem, FOLDER / f"{stem}.py")
    assert spec is not None and spec.loader is not None
    sys.modules[stem] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
