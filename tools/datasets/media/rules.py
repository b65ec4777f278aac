"""The rules of media files as they really are, read from where they lie."""

from novaforge.guards.findings import Finding, Severity
from novaforge.tools.datasets.media.limits import IMAGE_BYTES, LEAST_PIXELS, LONGEST_SECONDS, VIDEO_BYTES, VIDEO_SECONDS

MEDIA_RULES: dict[str, tuple[Severity, str, str, str]] = {
    "DA8-missing": ("block", "a media file is not there", "correct the uri or upload the file", "K"),
    "DA8-uri": ("block", "a media uri names no object", "write s3://bucket/key", "K"),
    "DA8-size": ("block", f"a media file is larger than AWS takes: images {IMAGE_BYTES:,} bytes, videos {VIDEO_BYTES:,}", "make it smaller", "K"),
    "DA8-magic": ("block", "the bytes of a media file are not of the kind and format the row says", "convert the file, or correct the format", "K"),
    "DA8-container": ("warn", "a video's container is not the one the row says; AWS's SDK compares images only", "correct the format", "K"),
    "DA8-header": ("block", "an image's header is cut off or broken", "replace the file", "K"),
    "DA8-dimensions": ("block", f"an image is smaller than {LEAST_PIXELS} x {LEAST_PIXELS} pixels", "remove it or give a larger one", "K"),
    "DA8-duration": ("confirm", f"a video is longer than {VIDEO_SECONDS} s, which AWS's SDK refuses; AWS's page allows {LONGEST_SECONDS // 60} minutes, and we go by the page", "cut it, or accept this", "K,D3"),
    "DA8-long": ("block", f"a video is longer than {LONGEST_SECONDS // 60} minutes", "cut it", "D3"),
    "DA8-data": ("block", "an image inside the row is no strict base64 data: URI of a png, jpeg, gif or webp file", "encode the file again", "K"),
    "DA9": ("block", "media lie in another bucket than the data", "copy them to the data's bucket", "D3"),
    "DA9-region": ("block", "media lie in a bucket of another region than the job", "copy them to a bucket of the job's region", "ours"),
    "DA9-owner": ("block", "bucketOwner is not the account that owns the bucket", "give the owner's account id, of twelve digits", "K"),
    "DA9-account": ("warn", "bucketOwner is another account than the one that calls, which may not be able to read it", "check that the job's role can read the bucket", "ours"),
    "DA8-files": ("not_checked", "media files could not be read or judged", "make them readable for the caller, then validate again", "K"),
    "DA9-bucket": ("not_checked", "the region or owner of a media bucket could not be read", "allow s3:ListBucket on it, then validate again", "ours"),
}  # fmt: skip
"""Rule id to severity, message, fix and source (keys of guards.rules.sources.SOURCES); the file rules of DA8 and DA9."""


def media_finding(
    rule: str, detail: str = "", *, count: int = 1, line: int | None = None, path: str | None = None
) -> Finding:
    """Return the finding of a broken rule."""
    severity, message, fix, _ = MEDIA_RULES[rule]
    said = f"{message} ({detail})" if detail else message
    return Finding(rule=rule, severity=severity, message=said, fix=fix, line=line, path=path, count=count)
