"""Whether a completed job did what it was planned to do: `Completed` alone does not say so (design-anchors E14)."""

from collections.abc import Sequence
from typing import Any

import yaml

from novaforge.guards.findings import Finding, Severity
from novaforge.guards.plan import Plan
from novaforge.tools.jobs.metrics import Metrics, read_metrics
from novaforge.tools.platforms.base import JobState, LogLine
from novaforge.tools.records import JobRecord

EVALUATED = "Finished evaluation"
"""What the evaluation container prints at its end (nova-platform-facts section 7.2)."""

FAST, SLOW = 10, 3
"""A job is odd when it took less than a tenth, or more than three times, of what was expected (CO2 uses the same 3)."""


def planned_steps(plan: Plan | None) -> int | None:
    """Return max_steps of the plan's effective recipe; None when it has none."""
    if plan is None or plan.recipe is None:
        return None
    try:
        found = _find(yaml.safe_load(plan.fill(plan.recipe.text)), "max_steps")
    except yaml.YAMLError:
        return None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def judge(
    job: JobRecord, state: JobState, plan: Plan | None, lines: Sequence[LogLine], *, sandbox: bool
) -> tuple[str, list[Finding]]:
    """Return a sentence and the checks behind it for a completed job with these log lines."""
    if job.kind == "training":
        metrics = read_metrics(lines)
        findings = [_steps(planned_steps(plan), metrics), _moved(metrics), _time(state, plan, sandbox)]
    else:
        findings = [_finished(lines), _time(state, plan, sandbox)]
    odd = [finding.rule for finding in findings if finding.severity == "warn"]
    open_checks = [finding.rule for finding in findings if finding.severity == "not_checked"]
    if odd:
        return f"completed, but look at {', '.join(odd)}", findings
    rest = f" (not checked: {', '.join(open_checks)})" if open_checks else ""
    return f"completed as planned{rest}" if len(open_checks) < len(findings) else f"completed{rest}", findings


def _steps(planned: int | None, metrics: Metrics) -> Finding:
    done = metrics.steps_done
    if planned is None or done is None:
        missing = "the recipe states no max_steps" if planned is None else "no step was found in the log"
        return _finding("JOB-steps", "not_checked", f"steps done: {missing}")
    # Containers that count from 0 print 99 for the last of a hundred steps.
    if done < planned - 1:
        return _finding(
            "JOB-steps", "warn", f"only {done} of {planned} planned steps are in the log", "read it to the end"
        )
    return _finding("JOB-steps", "info", f"all {planned} planned steps were done")


def _moved(metrics: Metrics) -> Finding:
    name = "reward_mean" if metrics.values.get("reward_mean") else "loss"
    points = metrics.series(name)
    if metrics.broken.get(name):
        return _finding("JOB-learning", "warn", f"{name} was not a number at times", "do not use this checkpoint")
    if len(points) < 2:
        return _finding("JOB-learning", "not_checked", "the log holds no series of loss or reward")
    first, last = points[0][1], points[-1][1]
    learned = last > first if name == "reward_mean" else last < first
    text = f"{name} went from {first:.4g} to {last:.4g}"
    if learned:
        return _finding("JOB-learning", "info", text)
    return _finding("JOB-learning", "warn", f"{text}: nothing was learned", "plot it with tail_logs(plot=true)")


def _finished(lines: Sequence[LogLine]) -> Finding:
    if any(EVALUATED in line.text for line in lines):
        return _finding("JOB-evaluated", "info", "the log says that the evaluation ran to its end")
    return _finding("JOB-evaluated", "not_checked", f"the log does not say {EVALUATED!r}")


def _time(state: JobState, plan: Plan | None, sandbox: bool) -> Finding:
    expected = plan.cost.expected_s if plan else None
    if sandbox or not expected:
        why = "a stand-in's seconds say nothing about Nova's" if sandbox else "the plan has no estimate"
        return _finding("JOB-time", "not_checked", f"time: {why}")
    text = f"billed {state.billable_s} s, expected {expected} s"
    if state.billable_s * FAST < expected:
        return _finding("JOB-time", "warn", f"{text}: suspiciously fast", "check in the log that the data was read")
    if state.billable_s > expected * SLOW:
        return _finding("JOB-time", "warn", f"{text}: much slower", "compare step_time in tail_logs with the estimate")
    return _finding("JOB-time", "info", text)


def _find(node: Any, key: str) -> Any:
    """Return the first value of a key anywhere in a recipe."""
    children: list[Any] = []
    if isinstance(node, dict):
        if key in node:
            return node[key]
        children = list(node.values())
    elif isinstance(node, list):
        children = list(node)
    return next((found for child in children if (found := _find(child, key)) is not None), None)


def _finding(rule: str, severity: Severity, message: str, fix: str = "") -> Finding:
    return Finding(rule=rule, severity=severity, message=message, fix=fix)
