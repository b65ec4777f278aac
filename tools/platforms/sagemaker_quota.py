"""How many machines training jobs may use in this account, and how many they use now."""

from novaforge.guards.errors import AwsError
from novaforge.guards.rules.facts import Known, Seen, Unknown
from novaforge.tools.aws.quotas import named_quotas
from novaforge.tools.context import ToolContext
from novaforge.tools.platforms.base import Quota

JOBS_MAX = 50
"""Running jobs described one by one to count their machines; above this the count is not checked."""


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
