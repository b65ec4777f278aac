"""Tell UTF-8 from other encodings, and guess the other one."""

from novaforge.guards.errors import InputError

BOM = b"\xef\xbb\xbf"
# Longest first: the UTF-32 marks begin with those of UTF-16.
_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32LE",
    b"\x00\x00\xfe\xff": "UTF-32BE",
    b"\xff\xfe": "UTF-16LE",
    b"\xfe\xff": "UTF-16BE",
}
_SAMPLE = 4096


def other_encoding(head: bytes) -> str | None:
    """Return UTF-16 or UTF-32 with its byte order when the first bytes of a file say so, else None."""
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name
    sample = head[:_SAMPLE]
    # Latin text in UTF-16 has a zero in every second byte; UTF-8 text has next to none.
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if len(sample) < 8 or max(even, odd) < len(sample) // 5 or min(even, odd) > len(sample) // 20:
        return None
    return "UTF-16BE" if even > odd else "UTF-16LE"


def guess_single_byte(line: bytes) -> str:
    """Return CP1252 for a line that is not UTF-8 but valid in Windows-1252, else an empty string."""
    try:
        line.decode("cp1252")
    except UnicodeDecodeError:
        return ""
    return "CP1252"


def conversion(encoding: str) -> str:
    """Return the command that converts a file to UTF-8."""
    return f"convert the file first: iconv -f {encoding or 'ITS-ENCODING'} -t UTF-8 FILE > NEW-FILE"


def refuse_other_encodings(head: bytes, uri: str) -> None:
    """Raise InputError when a file is UTF-16 or UTF-32."""
    name = other_encoding(head)
    if name:
        message = f"{uri} is not UTF-8; it looks like {name}."
        raise InputError(message, field="source", value=uri, fix=conversion(name), encoding=name)
