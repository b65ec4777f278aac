"""One S3 object that is sent in parts and shows itself only when it is published."""

from collections.abc import Callable, Container
from contextlib import suppress
from typing import Any

from pydantic import JsonValue

from novaforge.guards.errors import AwsError, NotFoundError
from novaforge.tools.aws.session import Aws

PART_BYTES = 8 * 1024 * 1024
_PARTS_PER_SIZE = 2000
"""S3 takes 10,000 parts: each 2,000 the parts double, which is enough for some 500 GB."""

TOKEN = "novaforge-publication"
"""Object metadata that names the publication it belongs to: how an object is known to be ours, whatever its encryption does to the ETag."""

Note = Callable[..., None]
"""Told each step before it is taken: (step, bucket=..., key=..., upload_id=..., before=...)."""


def unnoted(step: str, **facts: JsonValue) -> None:
    """Keep no journal."""


class Upload:
    """One object on its way: holds at most one part in memory; never replaces an object that is there."""

    def __init__(self, aws: Aws, bucket: str, key: str, token: str = "", note: Note = unnoted) -> None:
        self._aws = aws
        self._where = {"Bucket": bucket, "Key": key}
        self._named = {"bucket": bucket, "key": key}
        self._token = token
        self._note = note
        self._buffer = bytearray()
        self._upload: str | None = None
        self._parts: list[dict[str, Any]] = []
        self._tried = False

    @property
    def uri(self) -> str:
        """Where the object will be."""
        return f"s3://{self._where['Bucket']}/{self._where['Key']}"

    def write(self, data: bytes, /) -> int:
        """Take bytes; sends whole parts."""
        view = memoryview(data)
        while len(self._buffer) + len(view) >= (size := self._part_bytes()):
            cut = size - len(self._buffer)
            self._buffer += view[:cut]
            view = view[cut:]
            self._send()
        self._buffer += view
        return len(data)

    def seal(self, *, hold: bool = True) -> None:
        """Send the rest; with `hold` an object smaller than a part stays in memory until it is published."""
        if self._buffer and (self._upload is not None or not hold):
            self._send()

    def publish(self) -> None:
        """Make the object visible; raises ConflictError when one of that name exists by now."""
        self._note("object", **self._named)
        self._tried = True
        try:
            self._complete() if self._upload is not None else self._put()
        except AwsError:
            # A lost answer makes botocore ask again, and the second answer is about the object the first one made.
            if not self.is_ours():
                raise
        self._upload = None

    def abort(self) -> None:
        """Give up the parts that were sent; raises AwsError when S3 refuses."""
        self._buffer.clear()
        if self._upload is not None:
            abort_upload(self._aws, **self._named, upload_id=self._upload)
            self._upload = None

    def withdraw(self) -> bool:
        """Abort, and delete the object if this upload made it; tell whether nothing of it is left."""
        try:
            self.abort()
            if self._tried and self._token:
                delete_if_ours(self._aws, **self._named, token=self._token)
        except AwsError:
            return False
        return True

    def is_ours(self) -> bool:
        """Tell whether the object that is there now was made by this upload; False when that cannot be read."""
        try:
            return bool(self._token) and etag_if_ours(self._aws, **self._named, token=self._token) is not None
        except AwsError:
            return False

    def _part_bytes(self) -> int:
        return int(PART_BYTES << (len(self._parts) // _PARTS_PER_SIZE))

    def _metadata(self) -> dict[str, Any]:
        return {"Metadata": {TOKEN: self._token}} if self._token else {}

    def _send(self) -> None:
        if self._upload is None:
            self._begin()
        number = len(self._parts) + 1
        sent = self._aws.call(
            "s3", "upload_part", **self._where, UploadId=self._upload, PartNumber=number, Body=bytes(self._buffer)
        )
        self._parts.append({"ETag": sent["ETag"], "PartNumber": number})
        self._buffer.clear()

    def _begin(self) -> None:
        """Start the parts; an answer that got lost leaves an upload whose id nobody knows, so what is new is looked for."""
        before = open_uploads(self._aws, **self._named)
        self._note("upload", **self._named, before=before)
        try:
            made = self._aws.call("s3", "create_multipart_upload", **self._where, **self._metadata())
        except AwsError:
            self._abort_strays(before)
            raise
        self._upload = str(made["UploadId"])
        self._note("uploading", **self._named, upload_id=self._upload)
        if made["ResponseMetadata"].get("RetryAttempts"):
            self._abort_strays(before)

    def _abort_strays(self, before: list[str] | None) -> None:
        if before is not None:
            with suppress(AwsError):
                abort_uploads(self._aws, **self._named, keep={*before, self._upload or ""})

    def _put(self) -> None:
        body = bytes(self._buffer)
        self._aws.call("s3", "put_object", **self._where, **self._metadata(), Body=body, IfNoneMatch="*")

    def _complete(self) -> None:
        self._aws.call(
            "s3",
            "complete_multipart_upload",
            **self._where,
            UploadId=self._upload,
            MultipartUpload={"Parts": self._parts},
            IfNoneMatch="*",
        )


def etag_if_ours(aws: Aws, bucket: str, key: str, token: str) -> str | None:
    """Return the ETag of the object when a publication with that token made it, else None."""
    try:
        head = aws.call("s3", "head_object", Bucket=bucket, Key=key)
    except NotFoundError:
        return None
    return str(head["ETag"]) if head.get("Metadata", {}).get(TOKEN) == token else None


def open_uploads(aws: Aws, bucket: str, key: str) -> list[str] | None:
    """Return the ids of the unfinished uploads of exactly this object; None when that may not be read."""
    try:
        found = list(aws.pages("s3", "list_multipart_uploads", "Uploads", Bucket=bucket, Prefix=key))
    except AwsError as error:
        if error.code in {"AccessDenied", "AccessDeniedException", "403"}:
            return None
        raise
    return [str(item["UploadId"]) for item in found if item["Key"] == key]


def abort_uploads(aws: Aws, bucket: str, key: str, keep: Container[str]) -> None:
    """Abort the unfinished uploads of exactly this object, apart from those to keep."""
    for upload_id in open_uploads(aws, bucket, key) or []:
        if upload_id not in keep:
            abort_upload(aws, bucket, key, upload_id)


def abort_upload(aws: Aws, bucket: str, key: str, upload_id: str) -> None:
    """Abort an unfinished upload; one that is gone already is fine."""
    with suppress(NotFoundError):
        aws.call("s3", "abort_multipart_upload", Bucket=bucket, Key=key, UploadId=upload_id)


def delete_if_ours(aws: Aws, bucket: str, key: str, token: str) -> bool:
    """Delete an object that a publication with that token made, and no other; tell whether there was one."""
    etag = etag_if_ours(aws, bucket, key, token)
    if etag is None:
        return False
    aws.call("s3", "delete_object", Bucket=bucket, Key=key, IfMatch=etag)
    return True
