"""Texts with what does not make another text taken out of them: case, accents, look-alike letters, marks that are not seen."""

import unicodedata
from collections.abc import Sequence
from functools import cache
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bytes: TypeAlias = NDArray[np.uint8]
    Points: TypeAlias = NDArray[np.uint32]

END, GONE = b"\xff", b"\xfe"
"""Bytes that UTF-8 never has: the one after each text, and the one in place of what went."""
_LEADS = 0xC2, 0xF5
_MARKS = (0, 0, 0xC0, 0xE0, 0xF0)
"""The high bits of a character's first byte, by its size."""
_ENDS = (1, 0x80, 0x800, 0x10000)
"""The first character that takes one byte more."""

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


def folded(texts: Sequence[bytes]) -> list[bytes]:
    """Return texts in UTF-8 with everything beyond ASCII in its plainest form, character by character; ASCII stays as it is.

    Accents go, look-alikes and other forms become the letter they look like, marks that are not seen go, and punctuation
    becomes a blank. What stands for several letters, such as a ligature, or has a longer plain form stays.
    """
    return split(folded_together(END.join([*texts, b""])))


def split(data: bytes) -> list[bytes]:
    """Return the texts of what was folded together."""
    return data.translate(None, GONE).split(END)[:-1]


def folded_together(data: bytes) -> bytes:
    """Return texts, an END after each, folded in place: what a character no longer needs of its bytes is GONE.

    Only what stands beyond ASCII is looked at, for all texts at once, since most of a text needs no look.
    """
    import numpy as np

    units = np.frombuffer(data, np.uint8)
    at = np.flatnonzero((units >= _LEADS[0]) & (units < _LEADS[1]))
    if not at.size:
        return data
    leads = units[at]
    sizes = np.uint8(2) + (leads >= 0xE0) + (leads >= 0xF0)
    points = _points(units, at, sizes)
    forms = _forms(points)
    # In place there is no room for a form that is longer; two characters of Latin have one.
    new = np.flatnonzero(forms != points)
    new = new[_lengths(forms[new]) <= sizes[new]]
    return _replaced(units, at[new], sizes[new], forms[new]) if new.size else data


def words_of(text: bytes) -> bytes:
    """Return a folded text as its words in small letters, with one blank between them."""
    return b" ".join(text.translate(_WORDS).split())


def _points(units: "Bytes", at: "NDArray[np.int64]", sizes: "Bytes") -> "Points":
    """Return the characters that begin at some places."""
    import numpy as np

    points = units[at].astype(np.uint32) & (np.uint32(0x7F) >> sizes)
    for more in range(1, 4):
        longer = np.flatnonzero(sizes > more)
        points[longer] = points[longer] << np.uint32(6) | units[at[longer] + more] & np.uint8(0x3F)
    return points


def _replaced(units: "Bytes", at: "NDArray[np.int64]", sizes: "Bytes", forms: "Points") -> bytes:
    """Return bytes with some characters in other forms, which are not longer."""
    import numpy as np

    changed = units.copy()
    for more in range(4):
        changed[at[sizes > more] + more] = GONE[0]
    lengths = _lengths(forms)
    for length in range(1, 5):
        these = np.flatnonzero(lengths == length)
        for more in range(length if these.size else 0):
            bits = forms[these] >> np.uint32(6 * (length - 1 - more))
            changed[at[these] + more] = bits if length == 1 else bits & 0x3F | 0x80 if more else bits | _MARKS[length]
    return changed.tobytes()


def _lengths(forms: "Points") -> "Bytes":
    """Return the bytes that each character takes; 0 for none."""
    import numpy as np

    return np.searchsorted(np.array(_ENDS, np.uint32), forms, side="right").astype(np.uint8)


def _forms(points: "Points") -> "Points":
    """Return the plain form of each character; 0 for one that goes. Told when one is first seen: nearly all never are."""
    import numpy as np

    known = _known()
    unknown = np.unique(points[known[points] == 0])
    for first, end in _FOLDED:
        for point in unknown[(unknown >= first) & (unknown < end)].tolist():
            known[point] = _form(point) + 1
    still = unknown[known[unknown] == 0]
    known[still] = still + 1
    return known[points] - np.uint32(1)


@cache
def _known() -> "Points":
    """Return room for one more than the plain form of every character; 0 where nobody has asked for it."""
    import numpy as np

    return np.zeros(0x110000, np.uint32)


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
