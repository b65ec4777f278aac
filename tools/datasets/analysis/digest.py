"""64-bit digests of texts."""

from collections.abc import Iterable

NOTHING = 0
"""The digest of an empty text."""


def digests(texts: Iterable[str]) -> list[int]:
    """Return a 64-bit digest of each text; the same in every process and version."""
    # Lone surrogates, which JSON can spell, have no UTF-8.
    return digests_of_bytes(text.encode("utf-8", "surrogatepass") for text in texts)


def digests_of_bytes(values: Iterable[bytes]) -> list[int]:
    """Return a 64-bit digest of each value."""
    from xxhash import xxh3_64_intdigest

    return [xxh3_64_intdigest(value) if value else NOTHING for value in values]
