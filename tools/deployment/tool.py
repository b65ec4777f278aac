"""The deployment tools."""

from novaforge.tools.deployment.invoke import invoke_model
from novaforge.tools.deployment.plan import plan_deployment

__all__ = ["invoke_model", "plan_deployment"]
