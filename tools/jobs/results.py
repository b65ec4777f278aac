"""What the job tools return."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from novaforge.guards.text import NOTICE
from novaforge.guards.values import Frozen, JsonObject, Usd, Utc, dollars
from novaforge.tools.results import FindingView, ToolResult, show_findings


class Job(ToolResult):
    """One job now: where it stands, what it has cost, what it left, and why it failed if it did."""

    job_id: str
    method: str
    phase: str
    stage: str
    stages: list[JsonObject]
    billing: str
    waiting_s: int
    billable_s: int
    nodes: str
    cost_so_far_usd: Usd
    ceiling_usd: Usd
    expected: JsonObject
    progress: JsonObject
    verdict: str = ""
    findings: list[FindingView] = Field(default_factory=list[FindingView])
    failure: JsonObject = Field(default_factory=JsonObject)
    checkpoint: str | None = None
    output: str
    plan_id: str
    logs: dict[str, str]
    result: JsonObject = Field(default_factory=JsonObject)

    def text(self) -> str:
        """Return the job in a few lines."""
        money = f"{dollars(Decimal(self.cost_so_far_usd))} so far, ceiling {dollars(Decimal(self.ceiling_usd))}"
        lines = [f"{self.job_id}: {self.phase} ({self.stage}); {self.nodes}", f"{self.billing} {money}."]
        if self.progress:
            lines.append(f"step {self.progress.get('step')} of {self.progress.get('max_steps') or '?'}")
        lines += [f"verdict: {self.verdict}"] if self.verdict else []
        lines += [show_findings(self.findings)] if self.findings else []
        lines += [f"cause: {self.failure.get('cause')}"] if self.failure else []
        lines += [f"checkpoint: {self.checkpoint}"] if self.checkpoint else []
        outside = [NOTICE, *_reason(self.failure)] if self.failure else []
        return "\n".join([*lines, self.next_step, *outside])


class JobRow(Frozen):
    """A job in a list; `note` says why its state could not be read now."""

    job_id: str
    method: str
    phase: str
    stage: str
    created_at: Utc
    billable_s: int
    cost_so_far_usd: Usd
    ceiling_usd: Usd
    note: str = ""


class Jobs(ToolResult):
    """Jobs, newest first."""

    jobs: list[JobRow]

    def text(self) -> str:
        """Return one line per job."""
        rows = [
            f"{row.job_id}  {row.method}  {row.phase} ({row.stage})  {dollars(Decimal(row.cost_so_far_usd))}  {row.note}"
            for row in self.jobs
        ]
        return "\n".join([*(row.rstrip() for row in rows), self.next_step])


class ShownLine(Frozen):
    """One log line: text from outside, cleaned and capped; `at` is UTC, `stream` names the machine."""

    at: str
    stream: str
    text: str


class LogTail(ToolResult):
    """Lines of a job's log, and what its metrics say; `metrics_of` tells which lines they were read from."""

    job_id: str
    phase: str
    untrusted_lines: list[ShownLine]
    notice: str = NOTICE
    cursor: str
    more: bool
    metrics: dict[str, JsonObject]
    metrics_of: Literal["these lines", "whole log"]
    findings: list[FindingView]

    def text(self) -> str:
        """Return figures and findings, then the lines below the notice."""
        figures = [f"{name}: {_trend(values)}" for name, values in self.metrics.items()]
        head = f"{self.job_id} is {self.phase}; {len(self.untrusted_lines)} lines" + (
            "; more follow" if self.more else ""
        )
        body = [head, *figures, *([show_findings(self.findings)] if self.findings else []), self.next_step]
        lines = [f"{line.at} {line.stream} {line.text}" for line in self.untrusted_lines]
        return "\n".join([*body, self.notice, *lines])


def _reason(failure: JsonObject) -> list[str]:
    lines = failure.get("untrusted_lines")
    return [str(failure.get("untrusted_reason", "")), *(map(str, lines) if isinstance(lines, list) else [])]


def _trend(values: JsonObject) -> str:
    if "first" not in values:
        return f"not a number at {values.get('not_a_number')} steps"
    return f"{values['first']:.4g} -> {values['last']:.4g} (min {values['min']:.4g}, max {values['max']:.4g}, {values['count']} steps)"
