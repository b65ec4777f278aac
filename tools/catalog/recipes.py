"""The public hub's recipe material as our own data: what the sandbox serves and defaults are shown from.

Planning a job never reads this module's templates; it reads the hub through DescribeHubContent and S3.
"""

import copy
import json
from typing import Any

import yaml

from novaforge.guards.errors import RefusedError
from novaforge.guards.values import Frozen, JsonObject
from novaforge.tools.catalog.data import load

HUB_NAME = "SageMakerPublicHub"
HUB_CONTENT = "nova-textgeneration-lite-v2"
HUB_VERSION = "1.0.0"
"""Version of our own copy of the hub document, in the hub's x.y.z form."""


class RecipeSpec(Frozen):
    """One recipe of the hub; `params` names its override specification, `version` the recipe file's version."""

    name: str
    params: str
    model: str
    method: str
    display_name: str
    version: str
    type: str
    technique: str | None
    evaluation_type: str | None = None
    peft: str | None
    sequence_length: str | None
    folder: str
    instance_types: tuple[str, ...]
    instance_count: int
    repository: str
    tag: str


def _specs() -> dict[str, RecipeSpec]:
    rows = load("recipes.json")["recipes"]
    kept = [{key: value for key, value in row.items() if key in RecipeSpec.model_fields} for row in rows]
    return {row["name"]: RecipeSpec.model_validate(row) for row in kept}


RECIPES: dict[str, RecipeSpec] = _specs()
"""Recipes by name. Source and date: the head of recipes.json."""


def template_tree(name: str) -> JsonObject:
    """Return a recipe template as nested data; leaves to fill are the text {{key}}."""
    tree: JsonObject = copy.deepcopy(_row(name)["template"])
    return tree


def template_yaml(name: str) -> str:
    """Return a recipe template as YAML with {{key}} placeholders."""
    return yaml.safe_dump(template_tree(name), sort_keys=False, default_flow_style=False, width=1000)


def override_params(name: str) -> JsonObject:
    """Return a recipe's override specification: {key: {type, required, default, min, max, enum}}."""
    params: JsonObject = copy.deepcopy(_row(name)["overrides"])
    return params


def image_uri(spec: RecipeSpec, region: str) -> str:
    """Return the container image of a recipe in a region; raises RefusedError where AWS publishes none."""
    return published_image(region, f"{spec.repository}:{spec.tag}", load("models.json")["accounts"])


def published_image(region: str, image: str, accounts: dict[str, str]) -> str:
    """Return the URI of an image AWS publishes from one account per region; raises RefusedError where there is none."""
    if region not in accounts:
        raise RefusedError(
            f"The image {image} is not published in {region}.",
            rule="PL2",
            fix=f"use one of: {', '.join(sorted(accounts))}",
        )
    return f"{accounts[region]}.dkr.ecr.{region}.amazonaws.com/{image}"


def hub_bucket(region: str) -> str:
    """Return the public bucket that holds the hub's templates in a region."""
    return f"jumpstart-cache-prod-{region}"


def hub_document(region: str) -> JsonObject:
    """Return the HubContentDocument of Nova 2 Lite: its RecipeCollection."""
    entries: list[Any] = [_entry(spec, region) for spec in RECIPES.values()]
    return {"RecipeCollection": entries}


def hub_objects() -> dict[str, bytes]:
    """Return the objects of the hub bucket by key: templates and override specifications."""
    objects: dict[str, bytes] = {}
    for spec in RECIPES.values():
        objects[_template_key(spec)] = template_yaml(spec.name).encode()
        objects[_params_key(spec)] = json.dumps(override_params(spec.name), indent=1).encode()
    return objects


def _entry(spec: RecipeSpec, region: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "DisplayName": spec.display_name,
        "Name": spec.name,
        "RecipeFilePath": f"{spec.folder}/{spec.name}.yaml",
        "CustomizationTechnique": spec.technique,
        "Type": spec.type,
        "EvaluationType": spec.evaluation_type,
        "InstanceCount": spec.instance_count,
        "SupportedInstanceTypes": list(spec.instance_types),
        "Hardware": "GPU",
        "Peft": spec.peft,
        "SequenceLength": spec.sequence_length,
        "Versions": [spec.version],
        "IsSubscriptionModel": False,
        "SmtjRecipeTemplateS3Uri": f"s3://{hub_bucket(region)}/{_template_key(spec)}",
        "SmtjOverrideParamsS3Uri": f"s3://{hub_bucket(region)}/{_params_key(spec)}",
        "SmtjImageUri": image_uri(spec, region),
    }
    return {key: value for key, value in entry.items() if value is not None}


def _template_key(spec: RecipeSpec) -> str:
    return f"recipes/{spec.name}_smtj_v{spec.version}.yaml"


def _params_key(spec: RecipeSpec) -> str:
    return f"recipes/{spec.name}_smtj_override_params_v{spec.version}.json"


def _row(name: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = load("recipes.json")["recipes"]
    return next(row for row in rows if row["name"] == name)
