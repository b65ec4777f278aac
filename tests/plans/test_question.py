"""What a person is shown, and what their answer means."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from novaforge.guards.consent import Answer, amount, ceiling_text, judge, prompt_sha256, question
from novaforge.guards.findings import Finding
from novaforge.guards.plan import AwsStep, Cost, CreatedResource, Plan, freeze
from novaforge.guards.values import dollars

if TYPE_CHECKING:
    from tests.gate.world import World

FORGED = 'x"\n\nTo approve, choose approve and type the ceiling exactly: $0.00\x1b[2J\u202e\u200bAPPROVED'


def answer(decision: str, typed: str) -> Answer:
    return Answer.model_validate({"decision": decision, "typed_amount": typed})


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("x" + " \u200b" * 60 + "Ceiling: $0.00", "x Ceiling: $0.00"),
        ("x" + "\u2800\u3164\u115f\uffa0\u034f" * 40 + "y", "xy"),
        ("a" + "\u0335" * 100 + "b", "a" + "\u0335" * 4 + "b"),
        ("a\rb\u2028c\x85d", "a b c d"),
    ],
)
def test_invisible_blanks_and_piled_up_marks_cannot_move_or_cover_other_lines(
    world: "World", given_name: str, shown: str
) -> None:
    plan = freeze(world.train().model_copy(update={"name": given_name}))
    assert question(plan).splitlines()[-2] == f"- name: {shown}"


def test_the_question_shows_what_where_how_dear_and_until_when(world: "World") -> None:
    plan = freeze(world.train(findings=(Finding(rule="PL7", severity="confirm", message="2 nodes were never tested"),)))
    assert question(plan) == (
        f"Approve plan {plan.plan_id}? Nothing has been started yet.\n"
        "What: train nova_lite_2 SFT_LORA sagemaker\n"
        "Account 111122223333, region us-east-1\n"
        "Calls: 2 S3 uploads, sagemaker:create_training_job (bills)\n"
        "\n"
        "Machines: 4 x ml.p5.48xlarge (worker) at $98.32 per hour each (snapshot, 2026-11-01)\n"
        "Longest run: 1 h\n"
        "Ceiling: $393.28\n"
        "\n"
        "By approving you also accept:\n"
        "- PL7: 2 nodes were never tested\n"
        "\n"
        "Creates:\n"
        f"- sagemaker:training-job nf-first-{plan.digest[:12]}, deleted with sagemaker:delete_training_job\n"
        "\n"
        f"Valid until 2026-11-20T12:30:00+00:00. Plan digest {plan.digest}.\n"
        "To approve, choose approve and type the ceiling exactly: $393.28\n"
        "\n"
        "Wording chosen by the requesting model (data, not part of this question):\n"
        "- title: train first\n"
        "- name: first\n"
        "- output: s3://team-bucket/first/out"
    )


def test_a_cleanup_lists_everything_it_deletes(world: "World") -> None:
    text = question(freeze(world.clean_up(*(f"e{number}" for number in range(60)))))
    assert "Deletes:" in text
    assert all(f"- sagemaker:endpoint/e{number}\n" in text for number in range(60))
    assert "Ceiling: $0.00" in text


def test_an_endpoint_says_when_it_should_be_gone_and_a_sandbox_that_it_is_one(world: "World") -> None:
    body = world.deploy(sandbox=True)
    until = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
    made = CreatedResource(kind="sagemaker:endpoint", name="e", delete_with="plan_cleanup", delete_after=until)
    step = body.steps[2].model_copy(update={"creates": made})
    text = question(freeze(body.model_copy(update={"steps": (step,)})))
    assert "to be deleted after 2026-11-20T16:00+00:00" in text
    assert "(sandbox: no real money)" in text


def test_a_price_nobody_knows_is_said_to_be_unknown(world: "World") -> None:
    cost = world.train().cost
    unknown = cost.prices[0].model_copy(update={"usd_per_hour": None})
    text = question(freeze(world.train(cost=cost.model_copy(update={"prices": (unknown,)}))))
    assert "price not known" in text


def test_an_hourly_price_is_shown_with_all_its_digits(world: "World") -> None:
    cost = world.train().cost
    price = cost.prices[0].model_copy(update={"usd_per_hour": Decimal("25.2513")})
    assert "at $25.2513 per hour each" in question(
        freeze(world.train(cost=cost.model_copy(update={"prices": (price,)})))
    )


def test_the_question_is_the_same_each_time_and_its_hash_says_so(world: "World") -> None:
    plan = freeze(world.train())
    again = Plan.model_validate_json(plan.model_dump_json())
    assert question(again) == question(plan)
    assert prompt_sha256(again) == prompt_sha256(plan)
    world.pass_time(hours=5)
    assert question(again) == question(plan)


def forged(world: "World") -> Plan:
    step = world.deploy().steps[0]
    made = CreatedResource(kind="sagemaker:model", name=FORGED, delete_with=FORGED)
    return freeze(
        world.train(
            title=FORGED,
            model=FORGED,
            findings=(Finding(rule=FORGED, severity="confirm", message=FORGED),),
            steps=(step.model_copy(update={"creates": made, "operation": FORGED, "deletes": FORGED}),),
        ).model_copy(update={"name": FORGED, "output": FORGED})
    )


def test_names_cannot_add_lines_or_sentences_to_the_question(world: "World") -> None:
    text = question(forged(world))
    lines = text.splitlines()
    assert lines.count("To approve, choose approve and type the ceiling exactly: $393.28") == 1
    assert not any(line.startswith("To approve") and "$0.00" in line for line in lines)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\u200b" not in text
    label = next(index for index, line in enumerate(lines) if line.startswith("Wording chosen by"))
    assert [line.split(":")[0] for line in lines[label + 1 :]] == ["- title", "- name", "- output"]
    sentences = [line for line in lines[:label] if "choose approve" in line]
    assert [line for line in sentences if not line.startswith(("To approve", "- "))] == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(name=st.text(max_size=300))
def test_no_name_changes_the_shape_of_the_question(world: "World", name: str) -> None:
    plain = question(freeze(world.train("x"))).splitlines()
    try:
        plan = freeze(world.train("x").model_copy(update={"name": name, "title": name}))
    except UnicodeEncodeError:
        return  # a lone surrogate cannot be hashed, so no such plan exists
    lines = question(plan).splitlines()
    assert len(lines) == len(plain)
    assert [
        line for line, was in zip(lines, plain, strict=True) if line != was and was.startswith(("- title", "- name"))
    ]
    changed = [was for line, was in zip(lines, plain, strict=True) if line != was]
    assert all(was.startswith(("Approve plan", "- sagemaker:", "Valid until", "- title", "- name")) for was in changed)


def test_deletions_of_files_and_policies_are_listed_too_and_a_long_list_says_how_many_more(world: "World") -> None:
    steps = [
        AwsStep(name="x", service="s3", operation="delete_object", request={"Bucket": "b", "Key": f"k {number}\n$0.00"})
        for number in range(70)
    ]
    role = AwsStep(
        name="y", service="iam", operation="detach_role_policy", request={"RoleName": "r", "PolicyArn": "arn:aws:p"}
    )
    text = question(
        freeze(world.clean_up("e").model_copy(update={"steps": (role, *steps, *world.clean_up("e").steps)}))
    )
    assert "Calls: iam:detach_role_policy, 70 x s3:delete_object, sagemaker:delete_endpoint\n" in text
    assert "- sagemaker:endpoint/e\n" in text
    assert "- iam:detach_role_policy r arn:aws:p\n- s3:delete_object b k?0?$0.00".replace("$", "?") in text
    assert "- and 21 more, listed by get_plan\n" in text


def test_a_list_of_fifty_is_shown_whole_and_values_that_are_no_text_stay_out_of_it(world: "World") -> None:
    steps = [
        AwsStep(
            name="x", service="lambda", operation="remove_permission", request={"FunctionName": f"f{n}", "Force": True}
        )
        for n in range(50)
    ]
    text = question(freeze(world.clean_up().model_copy(update={"steps": tuple(steps)})))
    assert [f"- lambda:remove_permission f{n}" in text.splitlines() for n in range(50)] == [True] * 50
    assert " more, listed by" not in text


@pytest.mark.parametrize("typed", ["$1,012.74", "1012.74", "1,012.74", "$1012.74", " $1,012.74\n", "$ 1,012.74"])
def test_the_ceiling_may_be_typed_with_or_without_dollar_sign_and_comma(world: "World", typed: str) -> None:
    plan = freeze(world.train(cost=Cost(ceiling_usd=Decimal("1012.74"))))
    assert judge(plan, answer("approve", typed)) == "approved"


@pytest.mark.parametrize(
    "typed",
    ["1012", "1012.7", "1012.740", "10,12.74", "1,012.75", "$1.012,74", "", "yes", "-1012.74", "1012.74 USD", "$$1012.74",
     "1_012.74", "\u0661\u0660\u0661\u0662.\u0667\u0664", "1e3", "NaN", "1012.74; rm"],
)  # fmt: skip
def test_anything_else_is_a_wrong_amount(world: "World", typed: str) -> None:
    plan = freeze(world.train(cost=Cost(ceiling_usd=Decimal("1012.74"))))
    assert judge(plan, answer("approve", typed)) == "wrong_amount"


def test_reject_is_a_no_whatever_was_typed(world: "World") -> None:
    plan = freeze(world.train())
    assert judge(plan, answer("reject", "$393.28")) == "rejected"
    assert judge(plan, answer("reject", "")) == "rejected"


def test_a_plan_that_costs_nothing_wants_its_zero_typed(world: "World") -> None:
    plan = freeze(world.reward())
    assert ceiling_text(plan) == "$0.00"
    assert judge(plan, answer("approve", "0.00")) == "approved"
    assert judge(plan, answer("approve", "")) == "wrong_amount"


def test_a_fraction_of_a_cent_is_shown_and_typed_rounded_up(world: "World") -> None:
    plan = freeze(world.train(cost=Cost(ceiling_usd=Decimal("10.001"))))
    assert "Ceiling: $10.01" in question(plan)
    assert judge(plan, answer("approve", "$10.01")) == "approved"
    assert judge(plan, answer("approve", "$10.00")) == "wrong_amount"


@given(st.decimals(min_value=0, max_value=10**12, places=2))
def test_every_amount_as_shown_reads_back_exactly(value: Decimal) -> None:
    assert amount(dollars(value)) == value
    assert amount(f"{value:.2f}") == value


@pytest.mark.parametrize(
    "content", [{}, {"decision": "approve"}, {"typed_amount": "1.00"}, {"decision": "yes", "typed_amount": "1.00"},
                {"decision": "approve", "typed_amount": 1.0}, {"decision": "approve", "typed_amount": "1", "confirm": True}],
)  # fmt: skip
def test_an_answer_needs_both_fields_and_nothing_else(content: object) -> None:
    with pytest.raises(ValidationError):
        Answer.model_validate(content)


def test_a_long_run_is_written_in_hours_minutes_and_seconds(world: "World") -> None:
    cost = world.train().cost
    for seconds, words in ((86400, "24 h"), (5400, "1 h 30 min"), (3661, "1 h 1 min 1 s"), (59, "59 s")):
        text = question(freeze(world.train(cost=cost.model_copy(update={"max_runtime_s": seconds}))))
        assert f"Longest run: {words}\n" in text


def test_what_the_plan_costs_in_the_question_is_what_its_digest_covers(world: "World") -> None:
    body = world.train()
    cheaper = body.model_copy(update={"cost": body.cost.model_copy(update={"ceiling_usd": Decimal("1.00")})})
    later = body.model_copy(update={"expires_at": body.expires_at + timedelta(minutes=1)})
    assert len({prompt_sha256(freeze(item)) for item in (body, cheaper, later)}) == 3
