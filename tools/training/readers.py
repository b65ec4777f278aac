"""What a training plan was made from and is read again before its first call."""

from pydantic import JsonValue

from novaforge.guards.values import JsonObject, sha256_text
from novaforge.tools.context import ToolContext
from novaforge.tools.training.hub import hub_document


def read_recipe(ctx: ToolContext, target: JsonObject) -> JsonValue:
    """Return the hub's current version and the hashes of the template and specification a plan was made from."""
    version, _ = hub_document(ctx, str(target["hub_content"]))
    template = ctx.storage.read(str(target["template_uri"])).decode("utf-8")
    params = ctx.storage.read(str(target["params_uri"])).decode("utf-8")
    return {"hub_version": version, "template_sha256": sha256_text(template), "override_sha256": sha256_text(params)}
