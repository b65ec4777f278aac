"""Turn a reference in a row (data: URI, address, object, path) into a content item and what has to be copied for it."""

import base64
import binascii
import hashlib
import re
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from novaforge.tools.datasets.media.limits import COPY_BYTES, MOST_BYTES, MediaError
from novaforge.tools.datasets.media.sniff import FORMATS, kind_of, sniff
from novaforge.tools.datasets.media.target import PLAIN_URI, MediaTarget
from novaforge.tools.datasets.rows import JsonRow, MediaRef

__all__ = ["Decoded", "MediaError", "data_uri_of", "decode_data_uri", "format_of_name", "gen_qa_image", "image_item"]

GUESSED = "-guess"
"""Ends the stem of a name whose format the reference does not tell; the copy finds it out."""

_SPELLINGS = {"jpg": "jpeg", "jpe": "jpeg", "jfif": "jpeg", "m4v": "mp4", "qt": "mov"}
_MIME = {mime: name for formats in FORMATS.values() for name, mime in formats.items()} | {"image/jpg": "jpeg"}
_DEFAULT = {"image": "jpeg", "video": "mp4", "document": "pdf"}
_DATA = re.compile(r"data:([a-zA-Z0-9.+-]+/[a-zA-Z0-9.+-]+)?((?:;[^;,]{0,100}){0,4}),", re.ASCII)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_PENDING = b"novaforge-media:"
_LONGEST_REFERENCE = 8192


class Decoded(NamedTuple):
    """What a data: URI holds: the kind and format it says and its bytes prove, and the bytes."""

    kind: str
    format: str
    data: bytes


def decode_data_uri(uri: str) -> Decoded:
    """Return what a base64 data: URI holds. Raises MediaError unless it is strict base64 of the media type it says."""
    head = _DATA.match(uri)
    if head is None or not head[2].lower().endswith(";base64"):
        raise MediaError("a data: URI is not base64 of a media type")
    if len(uri) - head.end() > COPY_BYTES * 4 // 3 + 4:
        raise MediaError(f"a data: URI holds more than {COPY_BYTES} bytes")
    try:
        data = base64.b64decode(uri[head.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise MediaError("a data: URI is not base64") from error
    said = _MIME.get((head[1] or "").lower())
    if said is None:
        raise MediaError(f"a data: URI says none of {', '.join(sorted(_MIME))}")
    return Decoded(kind_of(said), agreed(said, data), data)


def agreed(said: str, head: bytes) -> str:
    """Return the format when the first bytes show it. Raises MediaError when they show another one."""
    if not head:
        raise MediaError("the file is empty")
    real = sniff(head)
    if real != said:
        raise MediaError(f"the bytes are {real or 'of no known media format'}, not {said} as its name or type says")
    return real


def data_uri_of(name: str, data: bytes) -> str:
    """Return the base64 data: URI of a file in a format Nova takes."""
    return f"data:{FORMATS[kind_of(name)][name]};base64,{base64.b64encode(data).decode('ascii')}"


def format_of_name(reference: str) -> str:
    """Return the format the extension of a path, key or address tells, or ""."""
    path = _path(reference) if _is_web(reference) else reference
    suffix = PurePosixPath(path).suffix.lower().removeprefix(".")
    name = _SPELLINGS.get(suffix, suffix)
    return name if kind_of(name) else ""


def image_item(
    reference: str, target: MediaTarget, kind: str | None = None, format: str | None = None
) -> tuple[JsonRow, MediaRef | None]:
    """Return the Converse content item of a reference, and what to copy: None when it lies in the target's bucket already.

    Without `kind` the extension or media type tells it, else it is an image. Raises MediaError.
    """
    ref = _ref(reference, target, kind, format)
    name = ref.name.rsplit(".", 1)[-1]
    stays = _stays(ref, target)
    uri = ref.source if stays else f"{target.uri or 's3:/'}/{ref.name}"
    item: JsonRow = {"format": name, "source": {"s3Location": {"uri": uri, "bucketOwner": target.owner or "-"}}}
    return {ref.kind: item}, None if stays else ref


def gen_qa_image(reference: str, target: MediaTarget) -> tuple[JsonRow, MediaRef | None]:
    """Return the image item of a gen_qa row; it holds a placeholder when there is something to copy into the row first.

    Raises MediaError.
    """
    ref = _ref(reference, target, "image", None)
    if ref.data:
        return {"data": data_uri_of(ref.name.rsplit(".", 1)[-1], ref.data)}, None
    return {"data": placeholder(ref.name)}, ref


def placeholder(name: str) -> str:
    """Return the data: URI that stands in a gen_qa row for a file not read yet."""
    return f"data:image/jpeg;base64,{base64.b64encode(_PENDING + name.encode()).decode('ascii')}"


def placeheld(uri: str) -> str:
    """Return the name of the file a placeholder stands for, or "" for any other text."""
    begin, _, code = uri[:512].partition(";base64,")
    if begin != "data:image/jpeg" or len(uri) > 512:
        return ""
    try:
        data = base64.b64decode(code, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return data.removeprefix(_PENDING).decode("ascii", "replace") if data.startswith(_PENDING) else ""


def _ref(reference: str, target: MediaTarget, kind: str | None, format: str | None) -> MediaRef:
    """Return the reference with the kind and the name it will have."""
    wanted = _wanted(kind, format)
    if reference[:5].lower() == "data:":
        decoded = decode_data_uri(f"data:{reference[5:]}")
        if (kind and decoded.kind != kind) or (wanted and decoded.format != wanted):
            raise MediaError(f"a data: URI holds {decoded.format}, not {wanted or kind}")
        if len(decoded.data) > MOST_BYTES.get(decoded.kind, COPY_BYTES):
            raise MediaError(f"the {decoded.kind} has more than {MOST_BYTES[decoded.kind]} bytes")
        return MediaRef(decoded.kind, "", f"{_digest(decoded.data)}.{decoded.format}", decoded.data)
    source = _resolve(reference, target.base)
    name = wanted or format_of_name(source)
    real = kind or kind_of(name) or "image"
    if name and kind_of(name) != real:
        raise MediaError(f"a {name} file is no {real}")
    told = source.encode("utf-8", "surrogatepass")
    if name:
        return MediaRef(real, source, f"{_digest(told)}.{name}")
    # Another stem, so that the name found out later is never one that was declared elsewhere.
    return MediaRef(real, source, f"{_digest(real.encode() + b' ' + told)}{GUESSED}.{_DEFAULT[real]}")


def _wanted(kind: str | None, format: str | None) -> str:
    if kind is not None and kind not in FORMATS:
        raise MediaError(f"the kind is none of {', '.join(FORMATS)}")
    if not format:
        return ""
    name = format.lower().rsplit("/", 1)[-1].removeprefix(".")
    name = _SPELLINGS.get(name, name)
    if not kind_of(name):
        raise MediaError(f"the format is none of {', '.join(_MIME.values())}")
    return name


def _resolve(reference: str, base: str) -> str:
    """Return a reference that stands for itself; one relative to the source's folder is joined with it."""
    if not reference.strip() or len(reference) > _LONGEST_REFERENCE or "\x00" in reference:
        raise MediaError("the reference is empty, too long or holds a NUL")
    if _is_web(reference) or reference.startswith("s3://"):
        return reference
    if reference.startswith("file://"):
        reference = unquote(_path(reference))
    elif _SCHEME.match(reference):
        raise MediaError("the reference is none of data:, http(s)://, s3:// or a path")
    remote = base.startswith("s3://")
    if reference.startswith(("/", "~")):
        if remote:
            # A row from elsewhere must not name files of this machine.
            raise MediaError("a row of a source in S3 names a local file")
        return reference
    if remote and ".." in PurePosixPath(reference).parts:
        raise MediaError("the reference leaves the folder of the source")
    return f"{base.rstrip('/')}/{reference.removeprefix('./')}" if base else reference


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError as error:
        raise MediaError("the reference is no address") from error


def _stays(ref: MediaRef, target: MediaTarget) -> bool:
    """Tell an object that needs no copy: in the target's bucket, of a known format, under a name AWS takes."""
    here = bool(target.uri) and ref.source.startswith(f"s3://{target.bucket}/")
    return here and GUESSED not in ref.name and PLAIN_URI.fullmatch(ref.source) is not None


def _is_web(reference: str) -> bool:
    return reference[:8].lower().startswith(("http://", "https://"))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
