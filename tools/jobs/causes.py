"""Why jobs fail: known causes by what the failure reason, the last stage and the last log lines say."""

import re
from collections.abc import Sequence

from novaforge.guards.values import Frozen


class Cause(Frozen):
    """A known cause: what happened in our own words, and what to do."""

    rule: str
    what: str
    fix: str


# In order of precedence: the more telling cause first. Sources: design-anchors part E (rows 5 to 19) and
# nova-platform-facts sections 4.5, 5.4b and 6.1; patterns have no nested repetition, so a hostile line cannot hang them.
_TABLE: tuple[tuple[str, str, str, str], ...] = (
    (
        "capacity",
        r"capacityerror|unable to provision|insufficient ?capacity",
        "AWS had no machines of this type free. Having quota is not having capacity; nothing was billed for waiting.",
        "try again later or in another region, or reserve a training plan; a new plan asks for approval again",
    ),
    (
        "quota",
        r"resourcelimitexceeded|account-level service limit",
        "The account's quota for this instance type is too low.",
        "ask for a higher quota in Service Quotas, or use fewer instances",
    ),
    (
        "max-runtime",
        r"maxruntimeexceeded|exceeded.{0,40}max.{0,10}runtime",
        "The job reached its runtime limit and was stopped.",
        "plan again with a higher max_runtime_s or fewer max_steps, and with save_steps well below max_steps",
    ),
    (
        "out-of-memory",
        r"cuda out of memory|outofmemoryerror|out of memory|oom-?kill|exit code:? 137",
        "A machine ran out of memory.",
        "lower max_length or global_batch_size, or use more instances",
    ),
    (
        "not-a-number",
        r"\b(?:loss|reduced_train_loss|grad_norm)\b[\"']?\s?[=:]\s?nan\b|nan loss|loss is nan",
        "The loss became not a number.",
        "lower the learning rate and check the longest and oddest rows with validate_dataset",
    ),
    (
        "engine",
        r"engine core initialization failed",
        "The inference engine could not load the model: model type and checkpoint are of different generations.",
        "evaluate with the model the checkpoint was trained from",
    ),
    (
        "reward-permission",
        r"lambda:invokefunction",
        "The execution role may not invoke the reward Lambda.",
        "allow lambda:InvokeFunction on this function for the execution role",
    ),
    (
        "reward",
        r"reward (?:function|lambda).{0,200}(?:raised|failed|exception|timed out)|lambda.{0,200}(?:timed out|functionerror|errormessage|throttl|too many requests)|keyerror.{0,40}aggregate_reward|aggregate_reward_score.{0,60}(?:missing|required)",
        "The reward Lambda failed, timed out, was throttled or broke its contract.",
        "run test_reward on the same rows, correct the function, and make a new plan_reward",
    ),
    (
        "kms",
        r"kms.{0,80}(?:access ?denied|not authorized)|(?:access ?denied|not authorized).{0,200}kms:",
        "The execution role may not use the KMS key of the data or the output.",
        "allow kms:Decrypt and kms:GenerateDataKey on that key for the execution role",
    ),
    (
        "permission",
        r"access ?denied|not authorized to perform|forbidden|\(403\)",
        "The execution role lacks a permission.",
        "the failure text names the action: allow it on the data, output or image for the execution role",
    ),
    (
        "data-format",
        r"invalid schema|must follow.{0,40}format|malformed|jsondecodeerror|reserved (?:word|keyword|token)|validation of .{0,40}data",
        "The service refused the data's format.",
        "run validate_dataset for this method, correct the rows it names, and plan again",
    ),
    (
        "missing-input",
        r"nosuchkey|nosuchbucket|no s3 objects found|does not exist.{0,40}s3|file ?not ?found|\(404\)",
        "An input was not where the job looked for it.",
        "check that the data and the base checkpoint still exist, then plan again",
    ),
    (
        "image",
        r"cannotpullcontainer|failed to pull|manifest unknown|repository does not exist",
        "The training image could not be pulled.",
        "check the region and the image in the plan; a new plan reads the hub again",
    ),
    (
        "disk",
        r"no space left on device|disk.{0,20}full",
        "A machine's disk filled up.",
        "raise the volume size, or save fewer checkpoints",
    ),
    (
        "network",
        r"nccl.{0,60}(?:error|timeout|timed out|abort)|connection reset by peer|rendezvous.{0,40}(?:timeout|timed out)|watchdog.{0,60}timeout",
        "The machines lost contact with each other, mostly a hardware or network fault.",
        "start the same plan's arguments again; if it happens twice, report it to AWS with the job's ARN",
    ),
    (
        "recipe",
        r"configattributeerror|does not contain required fields|unknown (?:key|parameter)|unrecognized (?:argument|key)",
        "The recipe was refused by the container.",
        "plan again from the default recipe and add overrides one at a time",
    ),
    (
        "service",
        r"internalservererror|internal server error|internalfailure|service unavailable",
        "AWS had an internal error.",
        "start it again once; if it repeats, report it to AWS with the job's ARN",
    ),
)
_CAUSES = tuple(
    (re.compile(pattern, re.IGNORECASE), Cause(rule=rule, what=what, fix=fix)) for rule, pattern, what, fix in _TABLE
)


def find_cause(reason: str, stage: str, lines: Sequence[str]) -> tuple[Cause, str] | None:
    """Return the known cause of a failure and where it was read: the service's own reason, or the log.

    The reason decides before the log, whose lines anyone may have written. None when the cause is not known.
    """
    for where, texts in (("reason", (reason, stage)), ("log", lines)):
        for pattern, cause in _CAUSES:
            if any(pattern.search(text) for text in texts):
                return cause, where
    return None
