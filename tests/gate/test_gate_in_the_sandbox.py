"""The engine over boto3 against the sandbox, whose fault plan loses answers and fails calls as AWS does."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from novaforge.server.audit import tail
from novaforge.server.sandbox.settings import BUCKET, Fault
from novaforge.tools.deployment.plan import plan_deployment
from novaforge.tools.plans.view import PlanView
from novaforge.tools.training.tool import plan_evaluation

if TYPE_CHECKING:
    from tests.conftest import Desk

_numbers = itertools.count(1)


@pytest.fixture
def name() -> str:
    return f"gate-{next(_numbers)}"


@pytest.fixture
def evaluation(desk: "Desk", tmp_path: Path, name: str) -> PlanView:
    """Return the stored plan of a small evaluation job."""
    data = tmp_path / "gen_qa.jsonl"
    rows = [json.dumps({"query": f"Question {number}?", "response": f"label{number % 3}"}) for number in range(40)]
    data.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return plan_evaluation(
        desk.ctx,
        task="gen_qa",
        model="nova_lite_2",
        platform="sagemaker",
        data=str(data),
        output=f"s3://{BUCKET}/gate/{name}",
    )


@pytest.fixture
def deployment(desk: "Desk", name: str) -> PlanView:
    """Return the stored plan of an endpoint."""
    desk.call("s3", "put_object", Bucket=BUCKET, Key=f"checkpoints/{name}/weights.txt", Body=b"weights")
    return plan_deployment(desk.ctx, base=f"s3://{BUCKET}/checkpoints/{name}/", target="sagemaker", name=name)


@pytest.fixture(autouse=True)
def clean_faults(desk: "Desk") -> Iterator[None]:
    desk.sandbox.clear_faults()
    yield
    desk.sandbox.clear_faults()


def jobs_of(desk: "Desk", view: PlanView) -> list[str]:
    return [job for job in desk.sandbox.endpoint.sandbox.jobs if job.endswith(view.digest[:12])]


def test_a_lost_answer_is_retried_by_boto_meets_the_taken_name_and_is_adopted(
    desk: "Desk", evaluation: PlanView
) -> None:
    desk.sandbox.add_faults(Fault(service="sagemaker", operation="CreateTrainingJob", kind="lost_response"))
    result = desk.apply(evaluation.plan_id)
    assert (result.status, result.error) == ("started", "")
    assert jobs_of(desk, evaluation) == [result.job_id]
    assert "resource.adopted" in [item["event"] for item in tail(Path(desk.ctx.audit.path), 50)]  # type: ignore[attr-defined]  # FileAudit
    assert desk.sandbox.wait_for_job(result.job_id or "") == "Completed"


def test_answers_lost_again_and_again_still_lead_to_one_job(desk: "Desk", evaluation: PlanView) -> None:
    desk.sandbox.add_faults(Fault(service="sagemaker", operation="CreateTrainingJob", kind="lost_response", times=20))
    result = desk.apply(evaluation.plan_id)
    assert result.status == "started"
    assert len(jobs_of(desk, evaluation)) == 1


def test_a_deployment_that_meets_a_server_error_is_made_once_all_the_same(
    desk: "Desk", deployment: PlanView, name: str
) -> None:
    desk.sandbox.add_faults(Fault(service="sagemaker", operation="CreateEndpointConfig", kind="http500"))
    result = desk.apply(deployment.plan_id)
    assert (result.status, result.deployment_id) == ("started", name)
    assert desk.sandbox.wait_for_endpoint(name) == "InService"


def test_a_deployment_whose_endpoint_name_was_taken_meanwhile_is_taken_back_and_theirs_is_left_alone(
    desk: "Desk", deployment: PlanView, name: str
) -> None:
    """The name is taken after the last check, which no precondition can see."""
    from dataclasses import replace

    def overtaken(reached: str) -> None:
        if reached == "before_call:create the endpoint":
            inner = f"nf-{name}-{deployment.digest[:12]}"
            desk.call("sagemaker", "create_endpoint", EndpointName=name, EndpointConfigName=inner)

    desk.ctx = replace(desk.ctx, checkpoint=overtaken)
    result = desk.apply(deployment.plan_id)
    assert result.status == "refused"
    assert [finding.rule for finding in result.findings] == ["foreign-resource"]
    assert desk.exists("sagemaker:endpoint", name)
    assert not desk.exists("sagemaker:model", f"nf-{name}-{deployment.digest[:12]}")
    assert desk.ledger.resources() == []
    desk.sandbox.wait_for_endpoint(name)
    desk.call("sagemaker", "delete_endpoint", EndpointName=name)
