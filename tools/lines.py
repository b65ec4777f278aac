"""Read a byte stream line by line without letting one endless line fill the memory."""

from collections.abc import Iterator
from typing import Protocol


class Lines(Protocol):
    """Bytes that are read line by line."""

    def readline(self, size: int, /) -> bytes:
        """Return up to `size` bytes, up to and with the next line end; none at the end."""
        ...


def bounded_lines(stream: Lines, most: int) -> Iterator[bytes | None]:
    """Yield each line with its line end; None in place of a line of more than `most` bytes."""
    while line := stream.readline(most + 1):
        if len(line) <= most:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(most)
        yield None
