"""The reward function a reinforcement run would call: which one, whether it is there, and whether it keeps the contract."""

import re
import time
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from novaforge.guards.errors import AwsError, InputError, NotFoundError, NovaForgeError
from novaforge.guards.findings import Fact, Finding, known, not_checked
from novaforge.guards.plan import Principal
from novaforge.guards.rules.facts import Known, RewardFacts, Seen, Unknown
from novaforge.guards.values import JsonObject
from novaforge.tools.context import ToolContext
from novaforge.tools.rewards.contract import MIN_ROWS, check_deployed
from novaforge.tools.rewards.rows import read_sample

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
NOT_MEASURED = Unknown("the model's rewards on this data were not measured before training")


@dataclass(frozen=True)
class Reward:
    """A reward function by ARN, with what was seen of it."""

    arn: str
    facts: RewardFacts
    fact: Fact
    findings: tuple[Finding, ...] = ()


def reward_arn(reward: str, principal: Principal) -> str:
    """Return the ARN of a function given by ARN, name, or resource id such as lambda:function/NAME.

    Raises InputError for what cannot be a name and for an ARN of another service, account or region.
    """
    name = reward.removeprefix("lambda:function/")
    home = f"arn:aws:lambda:{principal.region}:{principal.account}:function:"
    if not name.startswith("arn:"):
        if not _NAME.fullmatch(name):
            raise InputError(
                f"{name} is not the name or ARN of a Lambda function.",
                field="reward",
                value=reward,
                fix="deploy a local file with plan_reward, then give the reward_arn that apply_plan returns",
            )
        return home + name
    if not name.startswith(home) or name.count(":") != home.count(":"):
        raise InputError(
            f"{name} is not a Lambda function of account {principal.account} in {principal.region}.",
            field="reward",
            value=reward,
            fix=f"{home}<name>, without version or alias",
        )
    return name


def look_at_reward(ctx: ToolContext, arn: str, data: str) -> Reward:
    """Return what is known of a reward function: it is called once, on the first rows of the data."""
    try:
        config = ctx.aws.call("lambda", "get_function", FunctionName=arn)["Configuration"]
    except NotFoundError:
        facts = RewardFacts(
            exists=Known(False), positive_share=NOT_MEASURED, mean=NOT_MEASURED, group_variance=NOT_MEASURED
        )
        return Reward(arn, facts, known("reward", {"arn": arn, "exists": False}, "lambda:GetFunction"))
    except AwsError as error:
        unread = Unknown(f"the reward function cannot be read ({error.code})")
        return Reward(arn, _all_unknown(unread), not_checked("reward", error.message, "lambda:GetFunction"))
    rows = read_sample(ctx, data, MIN_ROWS).rows
    started = time.monotonic()
    findings = [item for item in check_deployed(ctx, arn, rows) if item.rule != "RL4"]  # the rules table says RL4
    tried = not any(item.severity == "not_checked" for item in findings)
    unread = Unknown("the reward function could not be called")
    facts = RewardFacts(
        exists=Known(True),
        rows_checked=Known(len(rows)) if tried else unread,
        reserved_concurrency=_reserved(ctx, arn),
        latency_s=Known(time.monotonic() - started) if tried else unread,
        positive_share=NOT_MEASURED,
        mean=NOT_MEASURED,
        group_variance=NOT_MEASURED,
    )
    value: JsonObject = {"arn": arn, "code_sha256": _sha(config), "rows_checked": len(rows) if tried else 0}
    return Reward(arn, facts, known("reward", value, "lambda:GetFunction, lambda:Invoke"), tuple(findings))


def read_function(ctx: ToolContext, target: JsonObject) -> JsonValue:
    """Return the code hash of a Lambda function, or None when it is gone: a plan's precondition."""
    try:
        return _sha(ctx.aws.call("lambda", "get_function", FunctionName=str(target["arn"]))["Configuration"])
    except NotFoundError:
        return None


def _sha(config: dict[str, Any]) -> str:
    return str(config.get("CodeSha256", ""))


def _all_unknown(reason: Unknown) -> RewardFacts:
    return RewardFacts(reason, reason, reason, reason, NOT_MEASURED, NOT_MEASURED, NOT_MEASURED)


def _reserved(ctx: ToolContext, arn: str) -> Seen[int | None]:
    try:
        answer = ctx.aws.call("lambda", "get_function_concurrency", FunctionName=arn)
    except NovaForgeError as error:
        return Unknown(f"the function's reserved concurrency cannot be read ({error.message})")
    reserved = answer.get("ReservedConcurrentExecutions")
    return Known(int(reserved) if reserved is not None else None)
