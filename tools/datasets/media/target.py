"""Where the media of the rows being written go, and from where relative references count."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from novaforge.guards.errors import InputError

if TYPE_CHECKING:
    from novaforge.tools.context import ToolContext

PLAIN_URI = re.compile(r"s3://[A-Za-z0-9_\-/.]+")
"""The characters AWS's validator takes in a media URI (facts 2.3)."""

_S3 = "s3://"
FOLDER = "media"
"""The folder of the media below the target of a transform."""


@dataclass(frozen=True)
class MediaTarget:
    """Where media go: an s3:// prefix without a slash at its end, the account that owns the bucket, and the source's folder.

    An empty `uri` is a target that is not S3. It holds texts only, so that any process can use it.
    """

    uri: str = ""
    owner: str = ""
    base: str = ""

    @property
    def bucket(self) -> str:
        """The bucket of the target, or an empty text."""
        return self.uri.removeprefix("s3://").split("/", 1)[0]


def media_target(ctx: ToolContext, target: str, source: str) -> MediaTarget:
    """Return the media's place below a transform's target; asks AWS once for the account when that is S3."""
    base = _folder(source)
    if not target.startswith(_S3):
        return MediaTarget(base=base)
    return MediaTarget(f"{target.rstrip('/')}/{FOLDER}", ctx.aws.principal().account, base)


def refuse_unusable(target: MediaTarget) -> None:
    """Raise InputError when rows need objects beside the data and the target cannot hold them."""
    if not target.uri:
        raise InputError(
            "The rows refer to images, videos or documents, which have to lie in S3 beside the data.",
            field="target",
            value=target.uri,
            fix="give an s3:// target; the media are copied below it",
        )
    if not PLAIN_URI.fullmatch(target.uri):
        raise InputError(
            f"{target.uri} holds characters that AWS takes in no media URI.",
            field="target",
            value=target.uri,
            fix="use letters, digits, _ - / and . only",
        )


def _folder(source: str) -> str:
    """Return the folder or prefix a source lies in; a glob's is the part before the first wildcard."""
    scheme, rest = ("s3://", source.removeprefix("s3://")) if source.startswith(_S3) else ("", source)
    plain = rest
    for wildcard in "*?[":
        plain = plain.split(wildcard, 1)[0]
    cut = plain != rest or rest.endswith("/") or not PurePosixPath(rest).suffix
    folder = plain.rsplit("/", 1)[0] if plain != rest else plain.rstrip("/")
    if not cut:
        folder = rest.rsplit("/", 1)[0] if "/" in rest else ("" if scheme else ".")
    return f"{scheme}{folder}"
