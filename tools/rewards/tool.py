"""The reward tools: test a reward function, and plan its deployment as a Lambda."""

import re
from pathlib import PurePath

from novaforge.guards.errors import AwsError, InputError, NotFoundError
from novaforge.guards.findings import Finding, blocking
from novaforge.guards.text import one_line
from novaforge.tools.arguments import PlatformName
from novaforge.tools.context import ToolContext
from novaforge.tools.results import finding_views
from novaforge.tools.rewards.contract import MIN_ROWS, check_timeout
from novaforge.tools.rewards.lab import percentile, probe_shares, summary, try_out
from novaforge.tools.rewards.plan import plan_reward
from novaforge.tools.rewards.results import RewardCheck
from novaforge.tools.rewards.rows import read_predictions, read_sample
from novaforge.tools.rewards.runner import Runner, deployed_runner, local_runner
from novaforge.tools.rewards.source import read_source

__all__ = ["check_reward", "plan_reward"]

MAX_SAMPLES = 200
CONCURRENT_CALLS = 12
"""lambda_concurrency_limit of the SageMaker RFT recipe."""
_FUNCTION = re.compile(
    r"(arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:)?(?P<name>[A-Za-z0-9-_]{1,64})(:[A-Za-z0-9-_$]+)?"
)


def check_reward(
    ctx: ToolContext,
    *,
    function: str,
    data: str,
    samples: int = 20,
    predictions: str | list[str] | None = None,
    platform: PlatformName | None = None,
) -> RewardCheck:
    """Try a reward function on real rows: contract, determinism, latency, score distribution, gaming probes.

    Local code runs in a process of its own with limits on time and memory; a deployed function is invoked.
    Raises InputError for a function, file or row that cannot be used, AwsError when Lambda refuses the calls.
    """
    if not 1 <= samples <= MAX_SAMPLES:
        fix = f"give 1 to {MAX_SAMPLES}"
        raise InputError(f"samples is {samples}.", field="samples", value=samples, fix=fix)
    run, findings = _local(ctx, function) if is_local(function) else _deployed(ctx, function, platform)
    sample = read_sample(ctx, data, samples)
    texts = read_predictions(ctx, predictions, sample) if predictions else None
    findings += sample.findings
    if len(sample.rows) < MIN_ROWS:
        message = f"tried on {len(sample.rows)} rows; training wants at least {MIN_ROWS}"
        findings.append(Finding(rule="RL4", severity="warn", message=message, fix="raise samples or give more rows"))
    trial = try_out(run, sample, texts)
    findings += trial.findings
    return RewardCheck(
        ok=not blocking(findings),
        function=function,
        rows=len(sample.rows),
        findings=finding_views(findings),
        scores=summary(trial.scores),
        latency=_latency(trial.single_ms),
        probes=probe_shares(trial),
        untrusted_errors=trial.errors,
        next_step=_next_step(function, findings),
    )


def is_local(function: str) -> bool:
    """Tell a local file from a deployed function."""
    return not function.startswith("arn:") and (function.endswith(".py") or len(PurePath(function).parts) > 1)


def name_findings(name: str, platform: PlatformName | None) -> list[Finding]:
    """RL5: HyperPod may invoke only functions whose name contains SageMaker, in exactly this spelling."""
    if platform != "hyperpod" or "SageMaker" in name:
        return []
    message = f"HyperPod wants SageMaker in the name of a reward function; this one is called {one_line(name)}"
    return [Finding(rule="RL5", severity="block", message=message, fix=f"name it SageMaker-{one_line(name, 50)}")]


def _local(ctx: ToolContext, function: str) -> tuple[Runner, list[Finding]]:
    source = read_source(ctx, function)
    return local_runner(source.code, needs_boto3=source.needs_boto3), list(source.findings)


def _deployed(ctx: ToolContext, function: str, platform: PlatformName | None) -> tuple[Runner, list[Finding]]:
    matched = _FUNCTION.fullmatch(function)
    if matched is None:
        raise InputError(
            f"{function!r} is neither a .py file nor the name or ARN of a Lambda function.",
            field="function",
            value=function,
            fix="give a path that ends in .py, or a function name or ARN",
        )
    try:
        config = ctx.aws.call("lambda", "get_function", FunctionName=function)["Configuration"]
    except NotFoundError as error:
        raise InputError(
            f"There is no Lambda function {function} in {ctx.aws.region}.",
            field="function",
            value=function,
            fix="check the name and region, or create it with plan_reward",
        ) from error
    findings = [*check_timeout(int(config.get("Timeout", 3))), *_concurrency(ctx, function)]
    return deployed_runner(ctx, function), findings + name_findings(matched["name"], platform)


def _concurrency(ctx: ToolContext, function: str) -> list[Finding]:
    """RL7: reserved concurrency below what the recipe calls with throttles the rollouts."""
    try:
        reserved = ctx.aws.call("lambda", "get_function_concurrency", FunctionName=function)
    except AwsError as error:
        return [Finding(rule="RL7", severity="not_checked", message=error.message, fix=error.fix)]
    limit = reserved.get("ReservedConcurrentExecutions")
    if limit is None or limit >= CONCURRENT_CALLS:
        return []
    message = f"reserved concurrency is {limit}; the RFT recipe calls up to {CONCURRENT_CALLS} at once"
    return [Finding(rule="RL7", severity="confirm", message=message, fix="raise it, or lower lambda_concurrency_limit")]


def _latency(single_ms: list[float]) -> dict[str, float]:
    if not single_ms:
        return {}
    return {"p50_ms": percentile(single_ms, 50), "p95_ms": percentile(single_ms, 95), "calls": float(len(single_ms))}


def _next_step(function: str, findings: list[Finding]) -> str:
    if blocking(findings):
        return "Correct the [block] findings and call test_reward again."
    doubts = "Weigh the [confirm] findings first. " if any(item.severity == "confirm" for item in findings) else ""
    if is_local(function):
        return f'{doubts}Deploy it with plan_reward(function="{function}", name=..., platform="sagemaker").'
    return f'{doubts}Use it in plan_training(method="RFT_LORA", reward="{function}", ...).'
