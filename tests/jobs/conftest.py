"""The fixtures of tests/platforms, taken from there: tests are not a package, so they cannot be imported by name."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_SPEC = spec_from_file_location("novaforge_small_cloud", Path(__file__).parents[1] / "platforms" / "conftest.py")
assert _SPEC is not None and _SPEC.loader is not None
_CLOUD = sys.modules[_SPEC.name] = module_from_spec(_SPEC)
_SPEC.loader.exec_module(_CLOUD)

world = _CLOUD.world
make_world = _CLOUD.make_world
pack = _CLOUD.pack
