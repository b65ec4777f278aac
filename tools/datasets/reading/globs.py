"""Tell which names fit a pattern, in time that grows with the name only, whatever the pattern is.

A regular expression made of a pattern with many stars tries every way to divide a name among them; a few stars and a long
name are enough to stop a process for good.
"""

import re
from collections.abc import Callable, Iterable

from novaforge.guards.errors import InputError

_SIGN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]/]+\]")
_Test = Callable[[str], object]
_Step = str | _Test
"""A star's kind, or what tells whether one character fits."""


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return what tells whether a name below a folder fits: * and ? stay in one folder, ** goes through all.

    Raises InputError for brackets that mean nothing.
    """
    steps: list[_Step] = []
    end = 0
    for sign in _SIGN.finditer(pattern):
        steps += map(_same, pattern[end : sign.start()])
        steps.append(_step(sign.group(), pattern))
        end = sign.end()
    steps += map(_same, pattern[end:])
    return lambda name: _fits(steps, name)


def _same(wanted: str) -> _Test:
    return lambda sign: sign == wanted


def _step(sign: str, pattern: str) -> _Step:
    if sign in ("*", "**", "**/"):
        return sign
    if sign == "?":
        return lambda found: found != "/"
    inside = sign[1:-1].replace("\\", "\\\\")
    try:
        return re.compile(f"[^/{inside[1:]}]" if inside.startswith("!") else f"[{inside}]", re.DOTALL).fullmatch
    except re.error as error:
        fix = "correct the part in brackets"
        raise InputError(f"{pattern} is no pattern: {error}.", field="source", value=pattern, fix=fix) from error


def _fits(steps: list[_Step], name: str) -> bool:
    """Follow all ways through the steps at once; a place inside `**/`, where a slash must follow, is a negative number."""
    places = _with_skipped(steps, [0])
    for sign in name:
        after: list[int] = []
        for place in places:
            after += _after(steps, place, sign)
        places = _with_skipped(steps, after)
        if not places:
            return False
    return len(steps) in places


def _after(steps: list[_Step], place: int, sign: str) -> list[int]:
    """Return the places one more character leads to."""
    inside = place < 0
    at = ~place if inside else place
    if at == len(steps):
        return []
    step = steps[at]
    if step == "**/":
        return [~at, at + 1] if sign == "/" else [~at]
    if step == "**" or (step == "*" and sign != "/"):
        return [at]
    return [at + 1] if not isinstance(step, str) and step(sign) else []


def _with_skipped(steps: list[_Step], places: Iterable[int]) -> set[int]:
    """Add the places behind stars that stand for nothing."""
    found: set[int] = set()
    for place in places:
        found.add(place)
        while 0 <= place < len(steps) and isinstance(steps[place], str):
            place += 1
            found.add(place)
    return found
