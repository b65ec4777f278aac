"""The cleanup tools."""

from novaforge.tools.cleanup.plan import plan_cleanup
from novaforge.tools.cleanup.spend import get_spend

__all__ = ["get_spend", "plan_cleanup"]
