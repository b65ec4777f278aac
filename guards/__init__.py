"""Pure decisions: plans, findings, rules, cost, policy, audit chain and text hygiene. No I/O, no third-party services."""
