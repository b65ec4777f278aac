"""Tell the format of a media file from its first bytes; names lie, bytes do not."""

HEAD_BYTES = 4096
"""How many first bytes `sniff` wants; fewer are taken where a file has fewer."""

IMAGE = {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
VIDEO = {"mp4": "video/mp4", "mov": "video/quicktime", "mkv": "video/x-matroska", "webm": "video/webm"}
DOCUMENT = {"pdf": "application/pdf"}
FORMATS = {"image": IMAGE, "video": VIDEO, "document": DOCUMENT}
"""Kind to format to MIME type, of what Nova takes (facts 2.9)."""

_IMAGE_BRANDS = {b"avif": "avif", b"avis": "avif", b"heic": "heic", b"heix": "heic", b"mif1": "heic", b"msf1": "heic"}
_AUDIO_BRANDS = {b"M4A ", b"M4B ", b"M4P "}
_OLD_MOV_ATOMS = {b"moov", b"mdat", b"wide", b"pnot", b"skip", b"free"}
_RIFF = {b"WEBP": "webp", b"AVI ": "avi", b"WAVE": "wav"}
_PREFIXES = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"<svg", "svg"),
)


def sniff(head: bytes) -> str:
    """Return the format the first bytes show, also one Nova does not take (avif, avi, ...), or "" for unknown bytes."""
    for prefix, name in _PREFIXES:
        if head.startswith(prefix):
            return name
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "")
    if head[:4] == b"\x1aE\xdf\xa3":
        return _matroska(head)
    if head[4:8] == b"ftyp":
        return _brand(head[8:12])
    if head[4:8] in _OLD_MOV_ATOMS:
        return "mov"
    return _text(head)


def kind_of(name: str) -> str:
    """Return image, video or document for a format Nova takes, else ""."""
    return next((kind for kind, formats in FORMATS.items() if name in formats), "")


def _brand(brand: bytes) -> str:
    if brand in _AUDIO_BRANDS:
        return "m4a"
    return "mov" if brand == b"qt  " else _IMAGE_BRANDS.get(brand, "mp4")


def _matroska(head: bytes) -> str:
    """Tell WebM from Matroska by the DocType of the EBML header, which begins the file."""
    return "webm" if b"\x42\x82\x84webm" in head[:128] else "mkv"


def _text(head: bytes) -> str:
    # Readers of PDF allow bytes before the header within the first kilobyte (ISO 32000-1, annex H, note 13).
    if b"%PDF-" in head[:1024]:
        return "pdf"
    start = head[:256].lstrip().lower()
    return "html" if start.startswith((b"<!doctype html", b"<html")) else ""
