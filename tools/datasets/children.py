"""How this process starts helpers of its own: with no secret in their environment, and no module from the working directory."""

import os
import re
import sys

_PASSED = re.compile(
    r"PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|TEMP|TMP|SYSTEMROOT|VIRTUAL_ENV|PYTHON\w+|LD_LIBRARY_PATH|DYLD_\w+|\w+_NUM_THREADS"
)
"""What Python and its libraries need to start; keys of clouds and hubs are not among them."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""There is a helper for each core already; numpy would start, and make room for, a thread for each core in each of them."""


def command(module: str) -> list[str]:
    """Return how a module of ours is run; -P keeps the working directory, which is the user's, out of Python's path."""
    return [sys.executable, "-P", "-m", module]


def environment() -> dict[str, str]:
    """Return the environment of a helper that reads data others wrote and never talks to anybody but us."""
    return ONE_THREAD | {name: value for name, value in os.environ.items() if _PASSED.fullmatch(name)}
