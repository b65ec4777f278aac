"""64-bit digests of texts."""

from collections.abc import Iterable

NOTHING = 0
"""The digest of an empty text."""


def digests(texts: Iterable[str]) -> list[int]:
    """Return a 64-bit digest of each text; the same in every process and version."""
    from xxhash import xxh3_64_intdigest

    # Lone surrogates, which JSON can spell, have no UTF-8.
    return [xxh3_64_intdigest(text.encode("utf-8", "surrogatepass")) if text else NOTHING for text in texts]
