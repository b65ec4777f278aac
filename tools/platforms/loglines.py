"""From log events to clean lines, and the search pattern over them."""

import fnmatch
import re
from collections.abc import Callable

from novaforge.guards.errors import InputError
from novaforge.guards.text import clean

LINE_CHARS = 8000
"""A verl step line carries some sixty metrics and is a few thousand characters long; a longer one is cut."""

PATTERN_CHARS = 100

_ESCAPED = re.compile(r"#033(?=\[)|#01[125](?!\d)")
_UNESCAPE = {"#033": "\x1b", "#011": "\t", "#012": "\n", "#015": "\r"}
_BREAK = re.compile(r"\r\n|[\n\r\v\f\x85\u2028\u2029]")
_LOOKS_LIKE_REGEX = re.compile(r"\\[A-Za-z.]|\.[*+]|\(\?|^\^|\$$")


def physical_lines(message: str) -> list[str]:
    """Split one event in its lines: cleaned, without empty ones.

    Line breaks include the carriage returns of progress bars, also where syslog wrote them as `#015`.
    """
    plain = _ESCAPED.sub(lambda found: _UNESCAPE[found.group()], message)
    cleaned = (clean(part, LINE_CHARS).rstrip() for part in _BREAK.split(plain))
    return [line for line in cleaned if line]


def matcher(pattern: str | None) -> Callable[[str], bool]:
    """Return the test for a search pattern: text in any case, with * and ? as wildcards and | between alternatives.

    Regular expressions are refused with an InputError, since one can hang the server on a hostile line.
    """
    if not pattern:
        return lambda line: True
    if len(pattern) > PATTERN_CHARS or _LOOKS_LIKE_REGEX.search(pattern):
        raise InputError(
            "The pattern is too long or is a regular expression.",
            field="pattern",
            value=pattern[:PATTERN_CHARS],
            fix=f"write plain text of at most {PATTERN_CHARS} characters; * and ? are wildcards, | separates alternatives",
        )
    tests = [_alternative(part.lower()) for part in pattern.split("|") if part] or [_alternative(pattern)]
    return lambda line: any(test(line.lower()) for test in tests)


def _alternative(part: str) -> Callable[[str], bool]:
    if "*" not in part and "?" not in part:
        return lambda line: part in line
    # fnmatch wraps each gap in an atomic group, so that matching never backtracks over a whole line twice.
    search = re.compile(fnmatch.translate(f"*{part.replace('[', '[[]')}*"))
    return lambda line: search.match(line) is not None
