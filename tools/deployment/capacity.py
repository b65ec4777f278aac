"""What an endpoint instance can serve: context length against concurrent requests (rule SV2)."""

from collections.abc import Mapping
from typing import NamedTuple

from novaforge.guards.errors import InputError, RefusedError
from novaforge.guards.findings import Finding
from novaforge.tools.catalog.data import load
from novaforge.tools.catalog.recipes import published_image


class Tier(NamedTuple):
    """Up to `context` tokens per request, `concurrency` requests at once."""

    context: int
    concurrency: int


TIERS: dict[str, dict[str, tuple[Tier, ...]]] = {
    "nova_lite_2": {
        "ml.g6.48xlarge": (Tier(8000, 8),),
        "ml.p5.48xlarge": (Tier(16000, 128), Tier(64000, 32), Tier(128000, 8), Tier(256000, 2)),
    }
}
"""By model and instance type, shortest context first. Source: aws/nova-forge-sdk 1.4.6, its list of supported
SageMaker inference configurations; checked 2026-11-20."""

FURTHER_IMAGE_ACCOUNTS = {"eu-west-2": "470633809225"}
"""Regions with the inference image and no training image. Source as above."""


def tiers(model: str) -> dict[str, tuple[Tier, ...]]:
    """Return the instance types that serve a model; raises RefusedError for a model without any."""
    if model not in TIERS:
        raise RefusedError(
            f"Deployments of {model} do not work yet.", rule="model", fix=f"models that work now: {', '.join(TIERS)}"
        )
    return TIERS[model]


def fits(options: tuple[Tier, ...], context: int, concurrency: int) -> bool:
    """Tell whether an instance serves that much: its smallest sufficient tier decides."""
    tier = next((tier for tier in options if context <= tier.context), None)
    return tier is not None and concurrency <= tier.concurrency


def asked(environment: Mapping[str, str]) -> tuple[int, int]:
    """Return the context length and the concurrency of a checked environment."""
    return int(environment["CONTEXT_LENGTH"]), int(environment["MAX_CONCURRENCY"])


def check_capacity(model: str, instance_type: str, environment: Mapping[str, str]) -> list[Finding]:
    """SV2: name what the instance would serve, and which one serves what was asked."""
    context, concurrency = asked(environment)
    options = tiers(model)[instance_type]
    if fits(options, context, concurrency):
        return []
    listed = ", ".join(f"{tier.context} tokens x {tier.concurrency}" for tier in options)
    others = [name for name, other in tiers(model).items() if fits(other, context, concurrency)]
    advice = f", or use {' or '.join(others)}" if others else ""
    return [
        Finding(
            rule="SV2",
            severity="block",
            message=f"{instance_type} does not serve {context} tokens x {concurrency} requests; it serves {listed}",
            fix=f"lower CONTEXT_LENGTH or MAX_CONCURRENCY{advice}",
        )
    ]


def known_type(model: str, instance_type: str) -> str:
    """Return the instance type; raises InputError with the legal ones when it serves nothing of this model."""
    legal = tiers(model)
    if instance_type not in legal:
        raise InputError(
            f"{instance_type} does not serve {model}.",
            field="instance_type",
            value=instance_type,
            fix=f"use one of: {', '.join(legal)}",
        )
    return instance_type


def image_uri(region: str) -> str:
    """Return the inference image of a region; raises RefusedError where AWS publishes none."""
    accounts: dict[str, str] = load("models.json")["accounts"] | FURTHER_IMAGE_ACCOUNTS
    return published_image(region, "nova-inference-repo:SM-Inference-latest", accounts)
