"""Lines whose rows cannot be used, remembered until their row is read."""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple


class Damage(NamedTuple):
    """A physical line whose row cannot be used, and why."""

    line: int
    reason: str


class Damages:
    """Damaged lines in the order of the file."""

    def __init__(self) -> None:
        self.waiting: deque[Damage] = deque()

    def add(self, lines: Iterable[int], reason: str) -> None:
        """Note lines below all those noted before, or among them."""
        self.waiting.extend(Damage(line, reason) for line in lines)

    def take(self, through: int) -> Damage | None:
        """Return the first damage up to a line and forget all damage up to it."""
        first = None
        while self.waiting and self.waiting[0].line <= through:
            found = self.waiting.popleft()
            first = first or found
        return first
