"""The reward contract of Nova RFT: a list of samples in, a bare list of scores out, same order.

Event and answer as AWS documents them for single-turn RFT: each sample carries id, messages ending with the assistant's
answer, reference_answer and any further columns; each score carries id, aggregate_reward_score and maybe metrics_list.
"""

import math
from collections.abc import Sequence
from statistics import fmean

from pydantic import JsonValue

from novaforge.guards.errors import AwsError, NotFoundError, RefusedError
from novaforge.guards.findings import Finding
from novaforge.guards.text import one_line
from novaforge.guards.values import JsonObject
from novaforge.tools.context import ToolContext
from novaforge.tools.rewards.candidates import BEGIN, END, event_of, in_markers, spell
from novaforge.tools.rewards.runner import Call, Event, deployed_runner

MIN_ROWS = 10
"""RL4: a reward function is verified on at least this many rows of the data it will score."""
MAX_TIMEOUT_S = 900
SLOW_MS = 5000.0
"""RL6: a reward slower than this at the 95th percentile holds the rollout workers up."""
INVOKE_S = 30.0
METRIC_TYPES = ("Metric", "Reward")
FIX = 'return [{"id": sample["id"], "aggregate_reward_score": 1.0}, ...] in the order of the samples'


def check_answer(event: Event, answer: JsonValue) -> list[Finding]:
    """Return one blocking finding per way in which an answer breaks the contract (rule RL8), with counts."""
    if isinstance(answer, dict) and "body" in answer:
        return [_broken("returns {statusCode, body}, the envelope of open-weights models; Nova needs the bare list")]
    if not isinstance(answer, list):
        return [_broken(f"returns {_type(answer)} instead of a list")]
    if len(answer) != len(event):
        return [_broken(f"returns {len(answer)} scores for {len(event)} samples")]
    problems: dict[str, tuple[str, int]] = {}
    for index, (sample, item) in enumerate(zip(event, answer, strict=True)):
        for problem in _item_problems(sample, item):
            path, count = problems.get(problem, (f"$[{index}]", 0))
            problems[problem] = (path, count + 1)
    return [_broken(problem, path, count) for problem, (path, count) in problems.items()]


def scores_of(event: Event, answer: JsonValue) -> list[float] | None:
    """Return the aggregate scores of an answer that keeps the contract, else None."""
    if check_answer(event, answer) or not isinstance(answer, list):
        return None
    return [float(item["aggregate_reward_score"]) for item in answer if isinstance(item, dict)]  # type: ignore[arg-type]  # a number, checked above


def check_deployed(ctx: ToolContext, arn: str, rows: Sequence[JsonObject]) -> list[Finding]:
    """Invoke a deployed reward function once on rows answered with their own reference, and check what comes back.

    Rules RL4 (enough rows), RL6 (time limit), RL8 (contract). What cannot be read is `not_checked`, never a pass.
    """
    try:
        config = ctx.aws.call("lambda", "get_function", FunctionName=arn)["Configuration"]
    except NotFoundError:
        message = f"there is no Lambda function {one_line(arn)}"
        return [Finding(rule="RL8", severity="block", message=message, fix="create it with plan_reward")]
    except AwsError as error:
        return [Finding(rule="RL8", severity="not_checked", message=error.message, fix=error.fix)]
    found = check_timeout(int(config.get("Timeout", 3)))
    if len(rows) < MIN_ROWS:
        message = f"only {len(rows)} rows to verify the reward function on; {MIN_ROWS} are needed"
        found.append(Finding(rule="RL4", severity="block", message=message, fix="give data with more rows"))
    if not rows:
        return found
    answers = [spell(row.get("reference_answer")) for row in rows]
    plain, marked = event_of(rows, answers), event_of(rows, [in_markers(text) for text in answers])
    try:
        first, second = deployed_runner(ctx, arn)([plain, marked], INVOKE_S)
    except (AwsError, RefusedError) as error:
        return [*found, Finding(rule="RL8", severity="not_checked", message=error.message, fix=error.fix)]
    found += check_call(plain, first)
    return [*found, *marker_findings(scores_of(plain, first.value), scores_of(marked, second.value))]


def marker_findings(plain: Sequence[float] | None, marked: Sequence[float] | None) -> list[Finding]:
    """Tell whether the right answer is worth less between the markers Nova writes around its solution.

    A function that compares without removing them scores every answer of Nova as wrong, and nothing is learned.
    """
    if not plain:
        return []
    if not marked:
        message = "the right answer got no score between the markers Nova writes around its solution"
        return [Finding(rule="reward-markers", severity="not_checked", message=message)]
    if fmean(marked) >= fmean(plain):
        return []
    message = (
        f"the right answer scores {fmean(marked):g} on average between Nova's markers {BEGIN} and {END}, {fmean(plain):g}"
        " without: training may see every answer as wrong"
    )
    return [
        Finding(rule="reward-markers", severity="confirm", message=message, fix="remove the markers before comparing")
    ]


def check_call(event: Event, call: Call) -> list[Finding]:
    """Check one call: it answered, and its answer keeps the contract."""
    if not call.ran:
        return [Finding(rule="RL8", severity="not_checked", message="time was up before this call")]
    if call.error:
        return [_broken(f"fails with {error_name(call.error)}", fix="test_reward shows the error in untrusted_errors")]
    return check_answer(event, call.value)


def check_timeout(timeout_s: int) -> list[Finding]:
    """RL6: the training recipes wait at most 15 minutes for a reward."""
    if timeout_s <= MAX_TIMEOUT_S:
        return []
    message = f"the function may run {timeout_s} s, longer than the {MAX_TIMEOUT_S} s RFT waits"
    return [
        Finding(rule="RL6", severity="confirm", message=message, fix=f"set its timeout to {MAX_TIMEOUT_S} s or less")
    ]


def error_name(error: str) -> str:
    """Return the type of an error without its text, which may quote data."""
    name = error.partition(":")[0].strip()
    return one_line(name, 60) if name.replace("_", "").replace(".", "").isalnum() else "an error"


def _item_problems(sample: JsonObject, item: JsonValue) -> list[str]:
    if not isinstance(item, dict):
        return [f"has {_type(item)} in place of an object"]
    found: list[str] = []
    if "id" not in item:
        found.append("lacks id")
    elif item["id"] != sample["id"]:
        found.append("returns another id than the sample at the same place")
    if "aggregate_reward_score" not in item:
        found.append("lacks aggregate_reward_score")
    elif not _is_number(item["aggregate_reward_score"]):
        found.append("has an aggregate_reward_score that is not a finite number")
    return found + _metric_problems(item.get("metrics_list", []))


def _metric_problems(metrics: JsonValue) -> list[str]:
    if not isinstance(metrics, list):
        return ["has a metrics_list that is not a list"]
    good = all(
        isinstance(metric, dict)
        and isinstance(metric.get("name"), str)
        and _is_number(metric.get("value"))
        and metric.get("type") in METRIC_TYPES
        for metric in metrics
    )
    return [] if good else ['has metrics_list entries other than {name, value, type "Metric" or "Reward"}']


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _type(value: JsonValue) -> str:
    if value is None:
        return "null"
    names = {"dict": "an object", "str": "a string", "list": "a list", "bool": "a boolean"}
    return names.get(type(value).__name__, "a number")


def _broken(problem: str, path: str | None = None, count: int = 1, fix: str = FIX) -> Finding:
    return Finding(
        rule="RL8", severity="block", message=f"the reward function {problem}", path=path, count=count, fix=fix
    )
