"""A training plan holds the exact request, what was seen, what it may cost, and what stands against it."""

import dataclasses
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from novaforge.guards.errors import ConfigError, InputError, RefusedError
from novaforge.guards.plan import AwsStep, Plan, UploadStep
from novaforge.server.sandbox.settings import ROLE_ARN, Fault
from novaforge.server.sandbox.testing import RunningSandbox
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.plans.preconditions import moved
from novaforge.tools.plans.view import PlanView
from novaforge.tools.training.tool import plan_training

OUT = "s3://novaforge-sandbox/training-tests"
Write = Callable[..., str]
GOOD = {"max_steps": 20, "warmup_steps": 3, "save_steps": 20, "reasoning_enabled": False}


def plan(ctx: ToolContext, data: str, **arguments: Any) -> PlanView:
    given = {"method": "SFT_LORA", "model": "nova_lite_2", "platform": "sagemaker", "overrides": GOOD}
    return plan_training(ctx, data=data, **({"output": f"{OUT}/fresh"} | given | arguments))


def stored(ctx: ToolContext, view: PlanView) -> Plan:
    record = ctx.ledger.plan(view.plan_id)
    assert record is not None
    return record.plan


def rules(view: PlanView, *severities: str) -> set[str]:
    return {rule for item in view.findings if item.severity in severities for rule in item.rule.split()}


def request(ctx: ToolContext, view: PlanView) -> dict[str, Any]:
    step = stored(ctx, view).rendered()[-1]
    assert isinstance(step, AwsStep)
    return step.request


@pytest.mark.parametrize(("characters", "severity"), [(8192, "confirm"), (3600, "not_checked")])
def test_texts_beyond_question_and_answer_count_towards_max_length(
    ctx: ToolContext, write_rows: Write, tmp_path: Path, characters: int, severity: str
) -> None:
    rows = [json.loads(line) for line in Path(write_rows("SFT_LORA")).read_text(encoding="utf-8").splitlines()]
    short = plan(ctx, write_rows("SFT_LORA"), overrides=GOOD | {"max_length": 1024})
    for row in rows:
        row["system"] = [{"text": "x" * characters}]
    data = tmp_path / "long.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    long = plan(ctx, str(data), overrides=GOOD | {"max_length": 1024})
    assert "SL3" not in rules(short, "not_checked", "confirm")
    (found,) = [item for item in long.findings if "SL3" in item.rule.split()]
    assert found.severity == severity and "1024" in found.message


def test_an_sft_plan_holds_the_request_field_by_field(ctx: ToolContext, write_rows: Write) -> None:
    view = plan(ctx, write_rows("SFT_LORA"), name="My first run", output=f"{OUT}/fresh/")
    short = view.digest[:12]
    prefix = f"s3://novaforge-sandbox/novaforge/{short}"
    source = {"S3DataDistributionType": "FullyReplicated"}
    assert view.state == "planned"
    assert request(ctx, view) == {
        "TrainingJobName": f"nf-My-first-run-{short}",
        "RoleArn": ROLE_ARN,
        "AlgorithmSpecification": {
            "TrainingImage": "708977205387.dkr.ecr.us-east-1.amazonaws.com/nova-fine-tune-repo:SM-TJ-SFT-V2-latest",
            "TrainingInputMode": "File",
        },
        "HyperParameters": {
            "base_model": "nova-lite-2/prod",
            "sagemaker_recipe_local_path": "/opt/ml/input/data/recipe/recipe.yaml",
        },
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {
                    "S3DataSource": source | {"S3DataType": "Converse", "S3Uri": f"{prefix}/train/train.jsonl"}
                },
            },
            {
                "ChannelName": "recipe",
                "InputMode": "File",
                "DataSource": {
                    "S3DataSource": source | {"S3DataType": "S3Prefix", "S3Uri": f"{prefix}/recipe/recipe.yaml"}
                },
            },
        ],
        "OutputDataConfig": {"S3OutputPath": f"{OUT}/fresh", "CompressionType": "GZIP"},
        "ResourceConfig": {
            "InstanceType": "ml.p5.48xlarge",
            "InstanceCount": 4,
            "VolumeSizeInGB": 30,
            "KeepAlivePeriodInSeconds": 0,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": view.max_runtime_s},
        "Tags": [
            {"Key": "novaforge:plan", "Value": view.digest},
            {"Key": "novaforge:ceiling-usd", "Value": str(view.ceiling_usd)},
            {"Key": "novaforge:owner", "Value": "tester"},
            {"Key": "novaforge:expires", "Value": view.expires_at.isoformat(timespec="seconds")},
        ],
    }


def test_the_uploads_carry_the_data_and_the_effective_recipe(ctx: ToolContext, write_rows: Write) -> None:
    path = write_rows("SFT_LORA", name="my data (1).jsonl")
    view = plan(ctx, path)
    data, recipe, job = stored(ctx, view).rendered()
    assert isinstance(data, UploadStep) and isinstance(recipe, UploadStep) and isinstance(job, AwsStep)
    assert (data.file, data.sha256) == (path, ctx.storage.stat(path).sha256)
    assert data.uri.endswith("/train/train.jsonl")
    (seen,) = stored(ctx, view).inputs
    assert seen.upload_to is not None and (seen.role, seen.rows) == ("train", 320)
    text = recipe.text or ""
    assert yaml.safe_load(text)["training_config"]["lr_scheduler"]["warmup_steps"] == 3
    assert text == view.recipe and recipe.bytes == len(text.encode())
    assert job.creates is not None and job.creates.kind == "sagemaker:training-job"
    assert job.probe is not None and job.probe.request == {"TrainingJobName": job.request["TrainingJobName"]}


def test_the_ceiling_is_nodes_times_price_times_limit(ctx: ToolContext, write_rows: Write) -> None:
    view = plan(ctx, write_rows("SFT_LORA"), max_runtime_s=3600, overrides=GOOD)
    assert view.ceiling_usd == Decimal("253.19")
    cost = stored(ctx, view).cost
    assert [node.count for node in cost.nodes] == [4] and cost.prices[0].usd_per_hour == Decimal("63.296")
    assert "73.79" in view.cost_basis


def test_nothing_in_the_account_changes_while_planning(ctx: ToolContext, write_rows: Write) -> None:
    before = ctx.storage.list("s3://novaforge-sandbox/")
    plan(ctx, write_rows("SFT_LORA"))
    assert ctx.storage.list("s3://novaforge-sandbox/") == before


def test_every_fact_is_there_and_known(ctx: ToolContext, write_rows: Write) -> None:
    view = plan(ctx, write_rows("SFT_LORA"))
    facts = {fact.name: fact for fact in stored(ctx, view).facts}
    assert {"caller", "region", "train data", "output", "base", "hub", "image", "role", "exposure"} <= set(facts)
    assert {"price ml.p5.48xlarge", "quota ml.p5.48xlarge"} <= set(facts)
    assert [fact.name for fact in facts.values() if not fact.known] == []
    assert facts["exposure"].value == {"rows_seen": 640, "epochs": "2.00"}
    assert facts["quota ml.p5.48xlarge"].value == {"limit": 8, "in_use": 0, "code": "L-82E1C851"}


def test_nothing_moved_means_the_plan_is_still_good(ctx: ToolContext, write_rows: Write) -> None:
    assert moved(ctx, stored(ctx, plan(ctx, write_rows("SFT_LORA")))) == []


def test_replaced_data_and_a_used_output_are_noticed_before_the_call(ctx: ToolContext, write_rows: Write) -> None:
    frozen = stored(ctx, plan(ctx, write_rows("SFT_LORA"), output=f"{OUT}/moved"))
    write_rows("SFT_LORA", rows=64)
    ctx.storage.put(f"{OUT}/moved/x", b"1")
    assert {item.name for item in moved(ctx, frozen)} == {"train data", "output"}


def test_the_templates_own_defaults_are_blocked_with_overrides_that_would_do(
    ctx: ToolContext, write_rows: Write
) -> None:
    view = plan(ctx, write_rows("SFT_LORA"), overrides=None)
    assert view.state == "blocked"
    fix = next(item.fix for item in view.findings if item.rule == "WU1")
    again = plan(ctx, write_rows("SFT_LORA"), overrides=json.loads(fix.removeprefix("overrides=")))
    assert rules(again, "block") == set() and again.state == "planned"


def test_a_rate_without_a_dot_reaches_the_recipe_as_a_number(ctx: ToolContext, write_rows: Write) -> None:
    view = plan(ctx, write_rows("SFT_LORA"), overrides=GOOD | {"lr": "2e-5"})
    assert yaml.safe_load(view.recipe or "")["training_config"]["optim_config"]["lr"] == 2e-5
    assert stored(ctx, view).spec["overrides"] == GOOD | {"lr": "2e-5"}


def test_an_illegal_count_blocks_and_names_the_nearest_with_price(ctx: ToolContext, write_rows: Write) -> None:
    view = plan(ctx, write_rows("SFT_LORA"), instance_count=6)
    (found,) = [item for item in view.findings if item.rule == "PL1"]
    assert (view.state, found.severity) == ("blocked", "block")
    assert found.fix == "instance_count: 4 ($253.18 per hour) or 8 ($506.37 per hour)"


def test_one_node_is_blocked_where_the_hub_lists_the_legal_counts(ctx: ToolContext, write_rows: Write) -> None:
    assert "PL1" in rules(plan(ctx, write_rows("SFT_LORA"), instance_count=1), "block")


def test_a_quota_of_zero_blocks(ctx: ToolContext, sandbox: RunningSandbox, write_rows: Write) -> None:
    with sandbox.settings(quotas={}):
        view = plan(ctx, write_rows("SFT_LORA"))
    assert rules(view, "block") == {"PL3"}


def test_quotas_that_cannot_be_read_are_not_checked(
    ctx: ToolContext, sandbox: RunningSandbox, write_rows: Write
) -> None:
    sandbox.add_faults(Fault(service="service-quotas", operation="ListServiceQuotas", times=4, kind="http500"))
    view = plan(ctx, write_rows("SFT_LORA"))
    sandbox.clear_faults()
    assert rules(view, "not_checked") >= {"PL3"} and "PL3" not in rules(view, "block")
    (fact,) = [item for item in stored(ctx, view).facts if item.name == "quota ml.p5.48xlarge"]
    assert not fact.known and fact.reason


def test_a_missing_role_blocks_and_a_role_of_another_service_too(ctx: ToolContext, write_rows: Write) -> None:
    assert rules(plan(ctx, write_rows("SFT_LORA"), role="Nobody"), "block") == {"PL8"}
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    ctx.aws.call("iam", "create_role", RoleName="lambda-only", AssumeRolePolicyDocument=document)
    view = plan(ctx, write_rows("SFT_LORA"), role="lambda-only")
    assert rules(view, "block") == {"PL8", "PL9"}
    assert "s3:PutObject" in next(item.message for item in view.findings if item.rule == "PL9")


def test_without_any_role_the_error_says_what_to_pass(ctx: ToolContext, write_rows: Write) -> None:
    bare = dataclasses.replace(ctx, mode=Mode(sandbox=True))
    with pytest.raises(ConfigError) as caught:
        plan(bare, write_rows("SFT_LORA"))
    assert "role=" in caught.value.fix


def test_a_used_output_prefix_blocks_but_a_neighbour_of_it_does_not(ctx: ToolContext, write_rows: Write) -> None:
    ctx.storage.put(f"{OUT}/used/old.txt", b"1")
    assert rules(plan(ctx, write_rows("SFT_LORA"), output=f"{OUT}/used"), "block") == {"PL10"}
    assert plan(ctx, write_rows("SFT_LORA"), output=f"{OUT}/us").state == "planned"


def test_fewer_rows_than_a_batch_block(ctx: ToolContext, write_rows: Write) -> None:
    assert "BS2" in rules(plan(ctx, write_rows("SFT_LORA", rows=31)), "block")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"data": "s3://novaforge-sandbox/nothing.jsonl"}, "uri"),
        ({"output": "/tmp/out"}, "output"),
        ({"output": "s3://novaforge-sandbox"}, "output"),
        ({"output": "s3://no-such-bucket-at-all/x"}, "output"),
        ({"overrides": {"num_epochs": 3}}, "overrides.num_epochs"),
        ({"instance_type": "ml.g5.12xlarge"}, "instance_type"),
        ({"instance_count": 0}, "instance_count"),
        ({"max_runtime_s": 0}, "max_runtime_s"),
        ({"max_runtime_s": 2419201}, "max_runtime_s"),
        ({"name": "!!!"}, "name"),
        ({"base": "no-such-job"}, "base"),
        ({"reward": "f"}, "reward"),
        ({"method": "RFT_LORA"}, "reward"),
    ],
)
def test_what_cannot_be_planned_is_refused_by_field_and_nothing_is_stored(
    ctx: ToolContext, write_rows: Write, arguments: dict[str, Any], field: str
) -> None:
    given = {"data": write_rows("SFT_LORA")} | arguments
    with pytest.raises(InputError) as caught:
        plan(ctx, **given)
    assert caught.value.data["field"] == field
    assert ctx.ledger.plans() == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"model": "nova_pro"},
        {"method": "DPO_LORA"},
        {"platform": "hyperpod"},
        {"method": "EVALUATION"},
        {"base": "arn:aws:sagemaker:us-east-1:111122223333:model-package/g/1"},
        {"overrides": {"replicas": 8}},
    ],
)
def test_what_does_not_work_yet_is_refused_with_what_does(
    ctx: ToolContext, write_rows: Write, arguments: dict[str, Any]
) -> None:
    with pytest.raises(RefusedError) as caught:
        plan(ctx, write_rows("SFT_LORA"), **arguments)
    assert caught.value.fix or "use the argument" in caught.value.message
    assert ctx.ledger.plans() == []


def test_a_machine_without_a_known_price_cannot_be_planned(ctx: ToolContext, write_rows: Write) -> None:
    with pytest.raises(RefusedError) as caught:
        plan(ctx, write_rows("SFT_LORA"), instance_type="ml.p5en.48xlarge")
    assert caught.value.data["rule"] == "CO1"


def test_an_old_price_is_put_to_the_person(ctx: ToolContext, sandbox: RunningSandbox, write_rows: Write) -> None:
    sandbox.add_faults(Fault(service="pricing", times=12, kind="http500"))
    view = plan(ctx, write_rows("SFT_LORA"))
    sandbox.clear_faults()
    assert "CO1" in rules(view, "confirm")
    assert str(view.nodes[0]["price_source"]).startswith("snapshot")


def test_a_checkpoint_is_where_training_goes_on(ctx: ToolContext, write_rows: Write) -> None:
    checkpoint = "s3://customer-escrow-111122223333-smtj-x/run/1"
    view = plan(ctx, write_rows("SFT_LORA"), base=checkpoint)
    sent = request(ctx, view)["HyperParameters"]
    assert sent["base_model_location"] == checkpoint and "base_model" not in sent
    assert yaml.safe_load(view.recipe or "")["run"]["model_name_or_path"] == checkpoint
    assert not next(fact for fact in stored(ctx, view).facts if fact.name == "base").known


def test_validation_data_gets_a_channel_and_a_warning(ctx: ToolContext, write_rows: Write) -> None:
    view = plan(ctx, write_rows("SFT_LORA"), validation_data=write_rows("SFT_LORA", rows=32, name="val.jsonl"))
    channels = [item["ChannelName"] for item in request(ctx, view)["InputDataConfig"]]
    assert channels == ["train", "validation", "recipe"]
    assert "DA13" in rules(view, "warn")


def test_validation_data_that_are_the_training_data_block(ctx: ToolContext, write_rows: Write) -> None:
    data = write_rows("SFT_LORA")
    view = plan(ctx, data, validation_data=write_rows("SFT_LORA", name="copy.jsonl"))
    assert "DA11-overlap" in {item.rule for item in view.findings if item.severity == "block"}
    small = plan(ctx, data, validation_data=write_rows("SFT_LORA", rows=40, name="val.jsonl"))
    assert any(item.rule == "DA6" and item.message.startswith("validation data: ") for item in small.findings)


def test_the_same_bytes_on_s3_are_read_where_they_are(ctx: ToolContext, write_rows: Write) -> None:
    uri = f"{OUT}-data/train.jsonl"
    ctx.storage.put(uri, Path(write_rows("SFT_LORA")).read_bytes())
    view = plan(ctx, uri)
    assert request(ctx, view)["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] == uri
    assert [step.kind for step in stored(ctx, view).steps] == ["upload", "aws"]
    assert stored(ctx, view).inputs[0].etag == ctx.storage.stat(uri).etag
