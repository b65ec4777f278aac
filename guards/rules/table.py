"""All rules for training and evaluation jobs, in the order they are shown."""

from novaforge.guards.findings import Finding
from novaforge.guards.rules import choice, place, schedule, sizes
from novaforge.guards.rules.facts import TrainingFacts
from novaforge.guards.rules.rule import Rule, apply_rules

RULES: tuple[Rule, ...] = (*place.RULES, *schedule.RULES, *sizes.RULES, *choice.RULES)
"""Every rule once, by unique id."""


def check_training(facts: TrainingFacts) -> list[Finding]:
    """Return the findings of the whole table for one plan."""
    return apply_rules(RULES, facts)
