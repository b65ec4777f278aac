"""Known causes of failures."""

import time

import pytest

from novaforge.tools.jobs.causes import find_cause


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type.", "capacity"),
        ("ResourceLimitExceeded: The account-level service limit 'ml.p5.48xlarge for training job usage' is 0 Instances", "quota"),
        ("MaxRuntimeExceeded", "max-runtime"),
        ("AlgorithmError: torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20 GiB", "out-of-memory"),
        ("global_step: 40 | reduced_train_loss: nan | lr: 1e-3", "not-a-number"),
        ("RuntimeError: Engine core initialization failed. See root cause above.", "engine"),
        ("Reward Lambda my-reward: Task timed out after 3.00 seconds", "reward"),
        ("The reward function arn:aws:lambda:us-east-1:1:function:r raised an error: KeyError: 'label'", "reward"),
        ("The reward function failed: not authorized to perform: lambda:InvokeFunction", "reward-permission"),
        ("User: arn:aws:sts::1:assumed-role/X is not authorized to perform: lambda:InvokeFunction on resource", "reward-permission"),
        ("AccessDenied: not authorized to perform: kms:Decrypt on the key", "kms"),
        ("ClientError: An error occurred (403) when calling the HeadObject operation: Forbidden", "permission"),
        ("ClientError: dataset has invalid schema (20)", "data-format"),
        ("An error occurred (NoSuchKey) when calling the GetObject operation", "missing-input"),
        ("ClientError: CannotPullContainerError: inspect image has been retried", "image"),
        ("OSError: [Errno 28] No space left on device", "disk"),
        ("Watchdog caught collective operation timeout: NCCL timeout", "network"),
        ("recipe does not contain required fields", "recipe"),
        ("InternalServerError: We encountered an internal error. Please try again.", "service"),
    ],
)  # fmt: skip
def test_a_known_text_leads_to_its_cause_and_a_fix(text: str, rule: str) -> None:
    found = find_cause(text, "Failed", [])
    assert found is not None
    assert (found[0].rule, found[1]) == (rule, "reason")
    assert found[0].fix


def test_the_service_speaks_before_the_log() -> None:
    found = find_cause("CapacityError: Unable to provision", "Failed", ["CUDA out of memory"])
    assert found is not None and found[0].rule == "capacity"


def test_the_log_decides_when_the_reason_says_nothing() -> None:
    found = find_cause("AlgorithmError: exit code 1", "Failed", ["step 1", "CUDA out of memory", "bye"])
    assert found is not None and (found[0].rule, found[1]) == ("out-of-memory", "log")


@pytest.mark.parametrize(
    "text", ["", "exit code 1", "step 403 of 404", "NCCL version 2.21.5+cuda12.4", "critic/score/mean:0.4"]
)
def test_ordinary_text_is_no_cause(text: str) -> None:
    assert find_cause(text, "Failed", [text]) is None


def test_hostile_text_is_searched_in_no_time() -> None:
    began = time.process_time()
    for unit in ("lambda", "kms ", "exceeded max", "nccl", "validation of "):
        find_cause("", "", [unit * (8000 // len(unit))] * 50)
    assert time.process_time() - began < 20
