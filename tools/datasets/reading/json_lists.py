"""Find the lists of objects inside one JSON object, without reading it as a whole."""

import re
from typing import NamedTuple

_TOKEN = re.compile(rb'[{}\[\]]|"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_OBJECT_NEXT = re.compile(rb"\s*\{")

OF_A_ROW = frozenset({
    "messages", "conversations", "conversation", "turns", "prompt", "chosen", "rejected", "candidates", "instances",
    "tools", "functions", "system", "content", "contents", "input", "output", "completions", "responses", "choices",
    "preferred_output", "non_preferred_output", "images", "documents", "turn", "messages_list",
})  # fmt: skip
"""Names of lists of objects that belong to a single row."""


class Lists(NamedTuple):
    """The lists of objects of the first object: name and place of the first element; `end` is where the object ends or 0."""

    lists: list[tuple[str, int]]
    end: int


def find_lists(data: bytes) -> Lists:
    """Return the lists that are reached through objects only and whose first element is an object.

    Lists of a row's own, such as messages, are no lists of rows.
    """
    found: list[tuple[str, int]] = []
    stack: list[int] = []
    name = b""
    for token in _TOKEN.finditer(data):
        sign = token.group()
        if sign[:1] == b'"':
            name = sign[1:-1] if 91 not in stack else name
        elif sign in b"{[":
            rows = sign == b"[" and 91 not in stack and _OBJECT_NEXT.match(data, token.end())
            if rows and name.decode("utf-8", "replace") not in OF_A_ROW:
                found.append((name.decode("utf-8", "replace"), token.end()))
            stack.append(sign[0])
        elif stack:
            stack.pop()
            if not stack:
                return Lists(found, token.end())
    return Lists(found, 0)
