"""A recipe is found in the hub's collection by narrowing it in AWS's own order."""

from typing import Any

import pytest

from novaforge.guards.errors import RefusedError
from novaforge.tools.catalog.recipes import hub_document
from novaforge.tools.training.hub import choose


def entry(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "DisplayName": name,
        "Type": "FineTuning",
        "CustomizationTechnique": "SFT",
        "Peft": "LORA",
        "SmtjRecipeTemplateS3Uri": "s3://b/t",
        "SupportedInstanceTypes": ["ml.p5.48xlarge"],
    } | fields


COLLECTION = [
    entry("subscription", IsSubscriptionModel=True),
    entry("hyperpod-only", SmtjRecipeTemplateS3Uri=None),
    entry("full-rank", Peft=None),
    entry("dpo", CustomizationTechnique="DPO"),
    entry("small", SupportedInstanceTypes=["ml.g5.12xlarge"]),
    entry("large"),
    entry("benchmark", Type="Evaluation", DisplayName="Nova General Text Benchmark", CustomizationTechnique=None),
    entry("own-data", Type="Evaluation", DisplayName="Nova Bring Your Own Dataset", Peft=None),
    entry("reinforce", CustomizationTechnique="RLVR"),
]


@pytest.mark.parametrize(
    ("method", "instance_type", "task", "name"),
    [
        ("SFT_LORA", "ml.p5.48xlarge", None, "large"),
        ("SFT_LORA", "ml.g5.12xlarge", None, "small"),
        ("SFT_LORA", None, None, "small"),
        ("SFT_LORA", "ml.unknown", None, "small"),
        ("RFT_LORA", "ml.p5.48xlarge", None, "reinforce"),
        ("EVALUATION", "ml.p5.48xlarge", "gen_qa", "own-data"),
    ],
)
def test_the_right_recipe_is_left(method: str, instance_type: str | None, task: str | None, name: str) -> None:
    assert choose(COLLECTION, method, instance_type, task)["Name"] == name


def test_when_none_is_left_the_error_names_the_step() -> None:
    with pytest.raises(RefusedError, match="looking for LoRA"):
        choose([entry("full-rank", Peft=None)], "SFT_LORA")


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2", "ap-northeast-1"])
def test_our_own_hub_document_holds_one_recipe_per_method(region: str) -> None:
    entries: Any = hub_document(region)["RecipeCollection"]
    names = [
        choose(entries, method, None, "gen_qa" if method == "EVALUATION" else None)["Name"]
        for method in ("SFT_LORA", "RFT_LORA", "EVALUATION")
    ]
    assert len(set(names)) == 3
    assert all(f".dkr.ecr.{region}.amazonaws.com/" in item["SmtjImageUri"] for item in entries)
