"""The effective recipe holds what was asked for, where it belongs, and nothing is dropped in silence."""

from typing import Any

import pytest
import yaml

from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.values import JsonObject
from novaforge.tools.catalog.recipes import override_params, template_tree
from novaforge.tools.training.leaves import open_leaves
from novaforge.tools.training.render import Rendered, limits_of, render

SFT = "nova_lite_2_0_p5_gpu_lora_sft"
RFT = "nova_lite_v2_smtj_p5_p5en_gpu_lora_rft"
ARN = "arn:aws:lambda:us-east-1:111122223333:function:reward"
SET: dict[str, Any] = {
    "name": "my-run",
    "replicas": 4,
    "run.model_name_or_path": "nova-lite-2/prod",
    "data_s3_path": "",
    "output_s3_path": "",
    "validation_s3_path": "",
}
RFT_SET = {**SET, "reward_lambda_arn": ARN, "api_endpoint.lambda_arn": ARN}


def rendered(overrides: JsonObject, recipe: str = SFT) -> Rendered:
    return render(template_tree(recipe), override_params(recipe), overrides, SET if recipe == SFT else RFT_SET)


def refusal(overrides: JsonObject, recipe: str = SFT) -> InputError:
    with pytest.raises(InputError) as caught:
        rendered(overrides, recipe)
    return caught.value


def test_defaults_fill_every_placeholder_and_nothing_else_changes() -> None:
    recipe = yaml.safe_load(rendered({}).text)
    assert recipe["run"] == {
        "name": "my-run",
        "model_type": "amazon.nova-2-lite-v1:0:256k",
        "model_name_or_path": "nova-lite-2/prod",
        "data_s3_path": "",
        "validation_data_s3_path": "",
        "replicas": 4,
        "output_s3_path": "",
        "mlflow_tracking_uri": "",
        "mlflow_experiment_name": "",
        "mlflow_run_name": "",
    }
    training = recipe["training_config"]
    assert training["lr_scheduler"] == {"warmup_steps": 15, "min_lr": 1e-6}
    assert training["optim_config"] == {"lr": 1e-5, "weight_decay": 0.0, "adam_beta1": 0.9, "adam_beta2": 0.95}
    assert (training["max_steps"], training["max_length"], training["reasoning_enabled"]) == (10, 8192, True)


@pytest.mark.parametrize(
    "overrides",
    [
        {"lr": "2e-5"},
        {"learning_rate": 2e-5},
        {"optim_config.lr": 2e-5},
        {"training_config.optim_config.lr": 0.00002},
    ],
)
def test_an_override_may_be_named_by_leaf_by_specification_or_by_path(overrides: JsonObject) -> None:
    recipe = rendered(overrides)
    assert yaml.safe_load(recipe.text)["training_config"]["optim_config"]["lr"] == 2e-5
    assert recipe.overridden == {"lr"}


def test_naming_one_place_twice_is_refused() -> None:
    error = refusal({"lr": 2e-5, "learning_rate": 3e-5})
    assert "learning_rate sets training_config.optim_config.lr a second time" in error.message


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("learning_rat", "did you mean learning_rate"),
        ("warmup", "warmup_steps"),
        ("num_epochs", "max_steps"),
        ("max_epochs", "max_steps"),
        ("qqq", "it has adam_beta1"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_ones(key: str, hint: str) -> None:
    error = refusal({key: 1})
    assert hint in error.message
    assert error.data["field"] == f"overrides.{key}"


def test_the_old_kl_key_of_awss_skill_is_refused_with_the_right_one() -> None:
    assert "kl_loss_coef" in refusal({"kl_coef": 0.01}, RFT).message


def test_every_wrong_override_is_named_at_once() -> None:
    error = refusal({"lr": 7, "alpha": 65, "lora_rank": 8, "max_steps": True})
    assert set(error.data["problems"]) == {"lr", "alpha", "lora_rank", "max_steps"}


@pytest.mark.parametrize(
    ("key", "argument"),
    [
        ("name", "name"),
        ("model_name_or_path", "base"),
        ("run.model_name_or_path", "base"),
        ("replicas", "instance_count"),
        ("data_s3_path", "data"),
        ("reward_lambda_arn", "reward"),
        ("peft_scheme", "method"),
        ("task", "task"),
    ],
)
def test_a_key_that_an_argument_sets_is_refused_with_that_argument(key: str, argument: str) -> None:
    with pytest.raises(RefusedError) as caught:
        rendered({key: "x"})
    assert argument in caught.value.message
    assert caught.value.data["rule"] == "protected-key"


def test_a_plain_value_of_the_template_keeps_its_type_and_documented_bounds() -> None:
    recipe = rendered({"number_generation": 8, "top_k": 0, "temperature": 0.7, "reasoning_effort": None}, RFT)
    generator = recipe.tree["training_config"]["rollout"]["generator"]
    assert (generator["temperature"], generator["top_k"]) == (0.7, 0)
    assert recipe.value("reasoning_effort") is None
    assert "above the maximum 16" in refusal({"number_generation": 17}, RFT).message
    assert "must be true or false" in refusal({"set_random_seed": 1}, RFT).message


def test_the_reward_function_stands_in_both_places() -> None:
    recipe = rendered({}, RFT).tree
    assert recipe["run"]["reward_lambda_arn"] == ARN
    assert recipe["training_config"]["rollout"]["rewards"]["api_endpoint"]["lambda_arn"] == ARN


def test_a_leaf_that_stands_in_two_places_needs_its_path() -> None:
    template = {"a": {"size": 1}, "b": {"size": 2}}
    with pytest.raises(InputError) as caught:
        render(template, {}, {"size": 3}, {})
    assert "a.size and b.size" in caught.value.message
    assert render(template, {}, {"b.size": 3}, {}).tree == {"a": {"size": 1}, "b": {"size": 3}}


def test_interpolations_follow_overrides() -> None:
    template = {"t": {"max_steps": "{{max_steps}}", "save_steps": "${oc.select:t.max_steps}", "x": "${t.none,7}"}}
    params: JsonObject = {"max_steps": {"type": "integer", "default": 10, "required": True}}
    assert render(template, params, {"max_steps": 50}, {}).tree == {"t": {"max_steps": 50, "save_steps": 50, "x": 7}}


@pytest.mark.parametrize("bad", ["${t.none}", "${t.a}", "${oc.env:HOME}", "${t}"])
def test_an_interpolation_that_leads_nowhere_is_refused(bad: str) -> None:
    with pytest.raises(RefusedError):
        render({"t": {"a": bad}}, {}, {}, {})


def test_an_unset_required_value_or_an_unknown_placeholder_is_refused_by_name() -> None:
    params: JsonObject = {"needed": {"type": "string", "required": True, "default": ""}}
    with pytest.raises(RefusedError, match="needed, stray"):
        render({"a": "{{needed}}", "b": "{{stray}}"}, params, {}, {})


def test_rendering_leaves_the_template_alone() -> None:
    template = template_tree(SFT)
    render(template, override_params(SFT), {"lr": 2e-5}, SET)
    assert template == template_tree(SFT)


@pytest.mark.parametrize("recipe", [SFT, RFT])
def test_every_open_leaf_takes_its_own_default_as_an_override(recipe: str) -> None:
    params = override_params(recipe)
    for leaf in open_leaves(template_tree(recipe)):
        default = limits_of(leaf, params)["default"]
        assert rendered({leaf.dotted: default}, recipe).value(leaf.name) == default
