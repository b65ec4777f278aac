"""The planning tools for jobs."""

from novaforge.tools.training.evaluate import plan_evaluation
from novaforge.tools.training.train import plan_training

__all__ = ["plan_evaluation", "plan_training"]
