"""Where the buckets of a job are."""

from novaforge.guards.errors import AwsError
from novaforge.guards.rules.facts import Known, Seen, Unknown
from novaforge.tools.aws.storage import is_s3, split_s3
from novaforge.tools.context import ToolContext


def read_bucket_regions(ctx: ToolContext, uris: list[str]) -> Seen[dict[str, str]]:
    """Return the region of every bucket among some URIs."""
    buckets = sorted({split_s3(uri)[0] for uri in uris if is_s3(uri)})
    regions: dict[str, str] = {}
    for bucket in buckets:
        try:
            answer = ctx.aws.call("s3", "get_bucket_location", Bucket=bucket)
        except AwsError as error:
            return Unknown(f"the region of bucket {bucket} cannot be read ({error.code})")
        # S3 leaves the oldest region out, and writes EU for the second oldest.
        regions[bucket] = {None: "us-east-1", "": "us-east-1", "EU": "eu-west-1"}.get(
            answer.get("LocationConstraint"), str(answer.get("LocationConstraint"))
        )
    return Known(regions)
