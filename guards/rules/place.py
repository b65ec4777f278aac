"""Machines, quota, role, places and money."""

from collections.abc import Iterator

from novaforge.guards.rules.facts import TrainingFacts, need, value_or
from novaforge.guards.rules.rule import ALL, EVALUATION, Remark, Rule, block, confirm, info, warn
from novaforge.guards.values import dollars

PRICE_DAYS = 7
RUNTIME_FLOOR_S = 3600
RUNTIME_FACTOR = 3
QUOTA_PAGE = "https://console.aws.amazon.com/servicequotas/home/services/sagemaker/quotas"


def nearest_counts(count: int, legal: tuple[int, ...]) -> tuple[int, ...]:
    """Return the legal counts just below and just above one, or the single nearest."""
    below = [item for item in legal if item < count]
    above = [item for item in legal if item > count]
    return (*below[-1:], *above[:1])


def _count(facts: TrainingFacts) -> Iterator[Remark]:
    machine = facts.machine
    if machine.count in machine.legal_counts:
        return
    choices = [
        f"{count} ({dollars(machine.usd_per_hour * count)} per hour)"
        for count in nearest_counts(machine.count, machine.legal_counts)
    ]
    what = f"{facts.method} on {machine.instance_type} runs on {', '.join(map(str, machine.legal_counts))} nodes"
    if machine.count in machine.doubtful_counts:
        yield confirm(f"{what} by the guide; {machine.count} is listed in the recipe file only.", " or ".join(choices))
    else:
        yield block(f"{what}, not {machine.count}.", f"instance_count: {' or '.join(choices)}")


def _region(facts: TrainingFacts) -> Iterator[Remark]:
    machine = facts.machine
    if machine.region not in machine.legal_regions:
        yield block(f"Nova jobs do not run in {machine.region}.", f"use one of: {', '.join(machine.legal_regions)}")


def _quota(facts: TrainingFacts) -> Iterator[Remark]:
    machine = facts.machine
    limit, used = need(machine.quota), need(machine.in_use)
    if limit < used + machine.count:
        code = f" ({machine.quota_code})" if machine.quota_code else ""
        yield block(
            f'The quota "{machine.instance_type} for training job usage"{code} is {limit}; {used} are in use and this'
            f" needs {machine.count}.",
            f"ask for more at {QUOTA_PAGE}/{machine.quota_code}, or use fewer or other instances",
        )


def _image_tag(facts: TrainingFacts) -> Iterator[Remark]:
    if facts.machine.image.endswith("-latest"):
        yield info("The image tag is mutable; the plan records the hub version, not the image's content.")


def _hyperpod_fields(facts: TrainingFacts) -> Iterator[Remark]:
    recipe = facts.recipe
    paths = {"data_s3_path": recipe.data_s3_path, "output_s3_path": recipe.output_s3_path}
    given = [name for name, path in paths.items() if value_or(path, "")]
    if given:
        yield warn(f"{', '.join(given)} in the recipe: these are HyperPod fields, a training job takes channels.")


def _mlflow_names(facts: TrainingFacts) -> Iterator[Remark]:
    if not value_or(facts.recipe.mlflow_tracking_uri, ""):
        return
    recipe = facts.recipe
    if not need(recipe.mlflow_experiment_name) or not need(recipe.mlflow_run_name):
        yield warn("mlflow_tracking_uri is set but the experiment or run name is empty.", "set both names")


def _role_exists(facts: TrainingFacts) -> Iterator[Remark]:
    if not need(facts.role.exists):
        yield block(f"The execution role {facts.role.arn} does not exist.", "create it, or give another role")
        return
    if not need(facts.role.trusts_sagemaker):
        message = f"The role {facts.role.arn} does not trust sagemaker.amazonaws.com."
        yield block(message, "add sts:AssumeRole for that service to its trust policy")


def _role_rights(facts: TrainingFacts) -> Iterator[Remark]:
    if not need(facts.role.exists):
        return
    denied = need(facts.role.denied)
    if denied:
        yield block(f"The role {facts.role.arn} may not: {'; '.join(denied)}.", "add these actions to its policy")


def _output_fresh(facts: TrainingFacts) -> Iterator[Remark]:
    if not need(facts.history.output_empty):
        yield block(f"There are objects below {facts.output_uri} already.", "give an output prefix that is not in use")


def _same_region(facts: TrainingFacts) -> Iterator[Remark]:
    for bucket, region in sorted(need(facts.data.bucket_regions).items()):
        if region != facts.machine.region:
            message = f"Bucket {bucket} is in {region}, the job runs in {facts.machine.region}."
            yield block(message, "use a bucket of the job's region")
        if bucket.startswith("customer-escrow-"):
            yield block(f"{bucket} is an escrow bucket of the service, not a place for data.", "use your own bucket")


def _price_age(facts: TrainingFacts) -> Iterator[Remark]:
    age = (facts.machine.today - facts.machine.price_as_of).days
    if age > PRICE_DAYS:
        message = f"The price is {age} days old ({facts.machine.price_as_of}); the live price list was not readable."
        yield confirm(message, "allow pricing:GetProducts, or accept the dated price")


def _runtime_far_above(facts: TrainingFacts) -> Iterator[Remark]:
    machine = facts.machine
    if machine.max_runtime_s > max(RUNTIME_FACTOR * machine.expected_s, RUNTIME_FLOOR_S):
        message = f"max_runtime_s {machine.max_runtime_s} is more than {RUNTIME_FACTOR} times the estimate"
        yield confirm(f"{message} ({machine.expected_s} s), and the ceiling grows with it.", "lower max_runtime_s")


def _runtime_below(facts: TrainingFacts) -> Iterator[Remark]:
    machine = facts.machine
    if machine.max_runtime_s < machine.expected_s:
        yield confirm(
            f"max_runtime_s {machine.max_runtime_s} is below the estimate ({machine.expected_s} s): AWS would cut the run"
            " off, and what it cost until then may buy nothing.",
            f"leave max_runtime_s out, or give at least {machine.expected_s}",
        )


def _cheaper_evaluation(facts: TrainingFacts) -> Iterator[Remark]:
    cheaper = need(facts.machine.cheaper_type)
    if cheaper:
        message = f"This evaluation also runs on {cheaper}, which costs less per hour but is slower."
        yield warn(message, f'compare the expected cost of a plan with instance_type="{cheaper}"')


RULES = (
    Rule("PL1", _count, ALL, "K,T"),
    Rule("PL2", _region, ALL, "K,R"),
    Rule("PL3", _quota, ALL, "QUOTA"),
    Rule("PL4", _image_tag, ALL, "R"),
    Rule("PL5", _hyperpod_fields, ALL, "R"),
    Rule("PL6", _mlflow_names, ALL, "R"),
    Rule("PL8", _role_exists, ALL, "K,ROLE"),
    Rule("PL9", _role_rights, ALL, "K,ROLE"),
    Rule("PL10", _output_fresh, ALL, "ours"),
    Rule("DA12", _same_region, ALL, "D1"),
    Rule("CO1", _price_age, ALL, "ours"),
    Rule("CO2", _runtime_far_above, ALL, "D2,MAXRUN"),
    Rule("CO6", _runtime_below, ALL, "MAXRUN"),
    Rule("CO5", _cheaper_evaluation, EVALUATION, "R"),
)
