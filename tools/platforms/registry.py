"""Which platform a job runs on."""

from novaforge.guards.errors import RefusedError
from novaforge.tools.platforms.base import Platform
from novaforge.tools.platforms.sagemaker import SageMakerJobs

PLATFORMS: dict[str, Platform] = {"sagemaker": SageMakerJobs()}


def platform_of(name: str) -> Platform:
    """Return the platform of that name; raises RefusedError when jobs cannot run there yet."""
    if name not in PLATFORMS:
        raise RefusedError(
            f"Jobs on platform {name!r} are not supported yet.",
            rule="platform",
            fix=f"use one of: {', '.join(PLATFORMS)}",
        )
    return PLATFORMS[name]
