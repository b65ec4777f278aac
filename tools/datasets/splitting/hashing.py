"""The number that decides on which side of a split a row goes."""

import hashlib


class Hasher:
    """A 64-bit hash of texts that depends on the seed, and on nothing else."""

    def __init__(self, seed: int) -> None:
        self._key = hashlib.sha256(str(seed).encode()).digest()

    def digest(self, text: str) -> bytes:
        """Return eight bytes; as big-endian numbers they are evenly spread."""
        # Lone surrogates, which JSON can spell, have no UTF-8.
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key).digest()
