"""List files below a folder one by one, however many there are."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Item(NamedTuple):
    """One file or object of a listing, its size in bytes and, for an object, its ETag."""

    uri: str
    bytes: int
    etag: str = ""


def local_items(folder: Path) -> Iterator[Item]:
    """Yield the files below a folder; folders behind links are not entered, and links to files name what they lead to."""
    for path, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file = Path(path, name)
            if file.is_file():
                yield Item(str(file), file.stat().st_size)
