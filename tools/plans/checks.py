"""Check a plan's requests against the service models while it is made, not when it is applied."""

from collections.abc import Sequence

from novaforge.guards.plan import AwsStep, Step, fill_digest
from novaforge.tools.aws.shapes import check_request, plain, refuse_problems
from novaforge.tools.context import ToolContext

SAMPLE_DIGEST = "0" * 64
"""Stands for the digest, which is not known before the plan is frozen; it has the same length and characters."""


def check_steps(ctx: ToolContext, steps: Sequence[Step]) -> None:
    """Raise RefusedError that names every member of every call that breaks its service model."""
    for step in steps:
        if isinstance(step, AwsStep):
            meta = ctx.aws.client(step.service).meta
            api = meta.method_to_api_mapping[step.operation]
            request = plain(fill_digest(step.request, SAMPLE_DIGEST))
            refuse_problems(check_request(meta.service_model, api, request), f"{step.service}:{api}")
