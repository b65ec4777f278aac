"""Texts with what does not make another text taken out of them: case, accents, look-alike letters, marks that are not seen."""

import unicodedata
from collections.abc import Sequence
from functools import cache
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_OPERATORS = "#$%&*+-/<=>@\\^"
"""Marks that change what code or a sum says; all other punctuation of ASCII says nothing new."""
_PUNCTUATION = bytes(each for each in range(0x21, 0x7F) if not chr(each).isalnum() and chr(each) not in _OPERATORS)
SKIPPED = bytes(range(0x21)) + _PUNCTUATION + b"\x7f"
"""Bytes that do not count: controls, blanks and punctuation."""
LOWER = bytes.maketrans(ascii_uppercase.encode(), ascii_lowercase.encode())
_WORDS = bytes.maketrans(ascii_uppercase.encode() + SKIPPED, ascii_lowercase.encode() + b" " * len(SKIPPED))

_ALIKE = dict(
    zip(
        "АВЕЅІЈКМНОРСТУХавеѕіјкмнорстухԁһӏԛԝѵΑΒΕΖΗΙΚΜΝΟΡΤΥΧαεηικνορτυχıɑɡøłđ",
        "abesijkmhopctyxabesijkmhopctyxdhlqwvabezhikmnoptyxaenikvoptuxiagold",
        strict=True,
    )
)
"""Letters of Cyrillic and Greek, and a few of Latin, that look like plain ones, after Unicode Technical Standard 39."""
_ACCENTS = range(0x300, 0x370)
_SELECTORS = range(0xFE00, 0xFE10)
_FOLDED = (
    (0x80, 0x600), (0x1E00, 0x2C00), (0x2C60, 0x2C80), (0x3000, 0x3100), (0xA640, 0xA6A0), (0xA720, 0xA800), (0xFB00, 0xFFF0),
    (0x1D400, 0x1D800), (0x1F100, 0x1F190),
)  # fmt: skip
"""Where alphabets with case, punctuation, marks and other forms of plain letters stand; ideographs, Hangul and the like stay."""


def folded(texts: Sequence[bytes]) -> Sequence[bytes]:
    """Return texts in UTF-8 with everything beyond ASCII in its plainest form, character by character; ASCII stays as it is.

    Accents go, look-alikes and other forms become the letter they look like, marks that are not seen go, and punctuation
    becomes a blank. What stands for several letters, such as a ligature, stays.
    """
    return [text if text.isascii() else _plain(text) for text in texts]


def words_of(text: bytes) -> bytes:
    """Return a folded text as its words in small letters, with one blank between them."""
    return b" ".join(text.translate(_WORDS).split())


def _plain(text: bytes) -> bytes:
    import numpy as np

    points = np.frombuffer(text.decode("utf-8", "surrogatepass").encode("utf-32-le", "surrogatepass"), np.uint32)
    plain = _table()[points]
    return plain[plain != 0].tobytes().decode("utf-32-le", "surrogatepass").encode("utf-8", "surrogatepass")


@cache
def _table() -> "NDArray[np.uint32]":
    """Return the plain form of every character; 0 for one that goes."""
    import numpy as np

    table = np.arange(0x110000, dtype=np.uint32)
    for first, end in _FOLDED:
        table[first:end] = [_form(point) for point in range(first, end)]
    return table


def _form(point: int) -> int:
    char = chr(point)
    category = unicodedata.category(char)
    if category in ("Cc", "Cf") or point in _ACCENTS or point in _SELECTORS:
        return 0x20 if category == "Cc" else 0
    if category[0] in "ZP":
        return 0x20
    if char in _ALIKE:
        return ord(_ALIKE[char])
    bare = [each for each in unicodedata.normalize("NFKD", char) if ord(each) not in _ACCENTS]
    whole = bare[0] if len(bare) == 1 else unicodedata.normalize("NFKC", char)
    small = whole.casefold() if len(whole.casefold()) == 1 else whole
    return ord(_ALIKE.get(small, small)) if len(small) == 1 else point
