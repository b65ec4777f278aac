"""Find a job's recipe in SageMaker's public hub: template, override specification and image."""

import json
from collections.abc import Callable
from typing import Any

from novaforge.guards.errors import RefusedError
from novaforge.guards.values import Frozen, JsonObject, sha256_text
from novaforge.tools.catalog.recipes import HUB_NAME
from novaforge.tools.catalog.support import Combination, model_info
from novaforge.tools.context import ToolContext
from novaforge.tools.training.yamltext import HUB_CHANGED

TECHNIQUES = {"SFT_LORA": "SFT", "RFT_LORA": "RLVR"}
"""CustomizationTechnique of a training method in the hub."""

TASK_WORDS = {"gen_qa": "bring your own dataset"}
"""What an evaluation task's recipe has in its DisplayName."""

Entry = dict[str, Any]


class HubRecipe(Frozen):
    """One recipe as the hub holds it now."""

    name: str
    hub_content: str
    hub_version: str
    template_uri: str
    params_uri: str
    template_text: str
    params: JsonObject
    image: str
    instance_types: tuple[str, ...]

    @property
    def template_sha256(self) -> str:
        """Hex SHA-256 of the template."""
        return sha256_text(self.template_text)

    @property
    def listed_counts(self) -> tuple[int, ...]:
        """The node counts the specification lists; empty when it lists none."""
        entry = self.params.get("replicas")
        listed = entry.get("enum") if isinstance(entry, dict) else None
        return tuple(int(str(count)) for count in listed) if isinstance(listed, list) else ()


def find_recipe(
    ctx: ToolContext, combination: Combination, *, instance_type: str | None = None, task: str | None = None
) -> HubRecipe:
    """Return the recipe for a combination; raises RefusedError, naming the step, when the hub lists none."""
    hub_content = model_info(combination.model).hub_content
    version, document = hub_document(ctx, hub_content)
    entry = choose(document.get("RecipeCollection", []), combination.method, instance_type, task)
    template_uri, params_uri = str(entry["SmtjRecipeTemplateS3Uri"]), str(entry["SmtjOverrideParamsS3Uri"])
    return HubRecipe(
        name=str(entry["Name"]),
        hub_content=hub_content,
        hub_version=version,
        template_uri=template_uri,
        params_uri=params_uri,
        template_text=_read(ctx, template_uri),
        params=json.loads(_read(ctx, params_uri)),
        image=str(entry["SmtjImageUri"]),
        instance_types=tuple(map(str, entry.get("SupportedInstanceTypes", []))),
    )


def hub_document(ctx: ToolContext, hub_content: str) -> tuple[str, dict[str, Any]]:
    """Return version and document of a model in the public hub, the newest one."""
    answer = ctx.aws.call(
        "sagemaker",
        "describe_hub_content",
        HubName=HUB_NAME,
        HubContentType="Model",
        HubContentName=hub_content,
    )
    return str(answer["HubContentVersion"]), json.loads(answer["HubContentDocument"])


def choose(entries: list[Entry], method: str, instance_type: str | None = None, task: str | None = None) -> Entry:
    """Return the one recipe of a collection, narrowing it in the order AWS's SDK does.

    Subscription recipes out, then technique, platform, task, adapter; the instance type decides only between several.
    """
    left = entries
    for what, keep in _filters(method, task):
        left = [entry for entry in left if keep(entry)]
        if not left:
            raise RefusedError(
                f"The hub lists no recipe for {method}: none is left after looking for {what}.",
                rule="recipe",
                fix=HUB_CHANGED,
            )
    if len(left) > 1 and instance_type:
        left = [entry for entry in left if instance_type in entry.get("SupportedInstanceTypes", [])] or left
    return left[0]


def _filters(method: str, task: str | None) -> list[tuple[str, Callable[[Entry], bool]]]:
    steps: list[tuple[str, Callable[[Entry], bool]]] = [
        ("recipes without a subscription", lambda entry: not entry.get("IsSubscriptionModel")),
        (f"the technique of {method}", lambda entry: _fits(entry, method)),
        ("a template for training jobs", lambda entry: bool(entry.get("SmtjRecipeTemplateS3Uri"))),
    ]
    if task is not None:
        words = TASK_WORDS[task]
        steps.append((f'"{words}"', lambda entry: words in str(entry.get("DisplayName", "")).lower()))
    if method.endswith("_LORA"):
        steps.append(("LoRA", lambda entry: entry.get("Peft") == "LORA"))
    return steps


def _fits(entry: Entry, method: str) -> bool:
    if method == "EVALUATION":
        return entry.get("Type") == "Evaluation"
    return entry.get("Type") != "Evaluation" and entry.get("CustomizationTechnique") == TECHNIQUES[method]


def _read(ctx: ToolContext, uri: str) -> str:
    return ctx.storage.read(uri).decode("utf-8")
