"""What the account allows where the job would run: quota, what runs already, and where the buckets are."""

from pydantic import JsonValue

from novaforge.guards.errors import AwsError
from novaforge.guards.findings import Fact, known, not_checked
from novaforge.guards.rules.facts import Known, Seen, Unknown
from novaforge.tools.aws.quotas import SOURCE, named_quotas
from novaforge.tools.aws.storage import is_s3, split_s3
from novaforge.tools.context import ToolContext

JOBS_MAX = 50
"""Running jobs described one by one to count their machines; above this the count is not checked."""


class Quota:
    """How many machines of a type training jobs may use, and how many they use now."""

    def __init__(self, instance_type: str, limit: Seen[int], code: str, in_use: Seen[int]) -> None:
        self.instance_type = instance_type
        self.limit = limit
        self.code = code
        self.in_use = in_use

    def enough_for(self, count: int) -> bool:
        """Tell whether both figures are known and leave room."""
        if isinstance(self.limit, Unknown) or isinstance(self.in_use, Unknown):
            return False
        return self.limit.value - self.in_use.value >= count

    def fact(self) -> Fact:
        """Return the quota as a plan's fact."""
        name = f"quota {self.instance_type}"
        if isinstance(self.limit, Unknown):
            return not_checked(name, self.limit.reason, SOURCE)
        used = self.in_use.value if isinstance(self.in_use, Known) else f"not checked: {self.in_use.reason}"
        value: dict[str, JsonValue] = {"limit": self.limit.value, "in_use": used, "code": self.code}
        return known(name, value, f"{SOURCE}, sagemaker:ListTrainingJobs")


def read_quotas(ctx: ToolContext, instance_types: list[str]) -> dict[str, Quota]:
    """Return quota and use of each machine type, from one pass over the quotas and one over the running jobs."""
    limits = _limits(ctx, instance_types)
    in_use = _in_use(ctx)
    quotas: dict[str, Quota] = {}
    for instance_type in instance_types:
        used: Seen[int] = in_use if isinstance(in_use, Unknown) else Known(in_use.value.get(instance_type, 0))
        limit, code = limits[instance_type]
        quotas[instance_type] = Quota(instance_type, limit, code, used)
    return quotas


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


def _limits(ctx: ToolContext, instance_types: list[str]) -> dict[str, tuple[Seen[int], str]]:
    types = {f"{name} for training job usage": name for name in instance_types}
    nothing = Unknown("Service Quotas lists no such quota for this account and region")
    found: dict[str, tuple[Seen[int], str]] = dict.fromkeys(instance_types, (nothing, ""))
    try:
        for quota in named_quotas(ctx, types):
            found[types[quota.name]] = (Known(quota.limit), quota.code)
    except AwsError as error:
        unread = Unknown(f"the quotas cannot be read ({error.code})")
        return {name: found[name] if isinstance(found[name][0], Known) else (unread, "") for name in instance_types}
    return found


def _in_use(ctx: ToolContext) -> Seen[dict[str, int]]:
    """Return machines in use by training jobs, by type; jobs that are stopping still hold theirs."""
    try:
        names = [
            str(job["TrainingJobName"])
            for status in ("InProgress", "Stopping")
            for job in ctx.aws.pages(
                "sagemaker", "list_training_jobs", "TrainingJobSummaries", StatusEquals=status, MaxResults=100
            )
        ]
        if len(names) > JOBS_MAX:
            return Unknown(f"{len(names)} jobs are running, too many to look at one by one")
        used: dict[str, int] = {}
        for name in names:
            resources = ctx.aws.call("sagemaker", "describe_training_job", TrainingJobName=name).get(
                "ResourceConfig", {}
            )
            if "InstanceType" in resources:
                used[resources["InstanceType"]] = used.get(resources["InstanceType"], 0) + resources["InstanceCount"]
    except AwsError as error:
        return Unknown(f"the running jobs cannot be read ({error.code})")
    return Known(used)
