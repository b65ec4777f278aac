"""What the demo ends with: a table in the terminal and the report page."""

import json
import platform
from decimal import Decimal
from pathlib import Path
from typing import Any

from novaforge.guards.values import dollars
from novaforge.server.audit import FileAudit, verify
from novaforge.server.demo.driver import Data, say
from novaforge.server.demo.report import ApprovalEntry, CallEntry, DemoReport, PlanEntry, write_report
from novaforge.server.demo.study import Study
from novaforge.server.ledger import open_ledger
from novaforge.tools.evaluation.results import Comparison, EvaluationReport
from novaforge.tools.records import Ledger

SHOWN = ("exact_match", "label_accuracy", "macro_f1")


def closing_table(study: Study, outcome: Data, seconds: float) -> None:
    """Print baseline / SFT / RFT with errors, the dollars, and that nothing is running."""
    comparison = Comparison.model_validate(outcome["comparison"])
    names = [str(job["name"]) for job in comparison.jobs]
    study.heading("Result")
    say(f"  {'':<20}" + "".join(f"{name:>18}" for name in names))
    for metric in SHOWN:
        if metric in comparison.table:
            cells = [f"{figure.value or 0:.3f} ± {figure.se or 0:.3f}" for figure in comparison.table[metric]]
            say(f"  {metric:<20}" + "".join(f"{cell:>18}" for cell in cells))
    for line in [*comparison.verdict, *comparison.notes]:
        say(f"  {line}")
    entries = [PlanEntry.of(plan, "applied") for plan in study.plans]
    expected = sum((entry.expected_usd for entry in entries if entry.expected_usd is not None), Decimal(0))
    ceiling = sum((entry.ceiling_usd for entry in entries), Decimal(0))
    say(f"\n  On AWS this run would cost about {dollars(expected)}; the approved ceilings sum to {dollars(ceiling)}.")
    say(
        f"  The rehearsal cost $0.00 and took {seconds / 60:.1f} minutes. Still running: {len(outcome['spend']['running'])}."
    )


def write_outcome(folder: Path, study: Study, outcome: Data, state: Path, seconds: float) -> Path:
    """Write the report page and return its path."""
    ledger = open_ledger(f"sqlite:///{state / 'ledger.db'}")
    audit = state / "audit.jsonl"
    report = DemoReport(
        title="novaforge demo",
        subtitle="The customization loop of Amazon Nova, rehearsed in a sandbox",
        facts=_facts(study, seconds),
        comparison=Comparison.model_validate(outcome["comparison"]),
        evaluations={name: EvaluationReport.model_validate(data) for name, data in study.reports.items()},
        plots=list(study.driver.images.items()),
        plans=[_entry(ledger, study, plan) for plan in study.plans],
        calls=[CallEntry(call.tool, call.seconds, call.summary) for call in study.driver.calls],
        approvals=_approvals(ledger, study),
        audit_head=FileAudit(audit).head(),
        audit_lines=verify(audit).lines,
    )
    page = write_report(folder, report)
    page.with_name("result.json").write_text(_result(study, outcome, seconds), encoding="utf-8")
    return page


def _result(study: Study, outcome: Data, seconds: float) -> str:
    """Return the figures of the run as JSON, for programs."""
    kept = {key: outcome["comparison"][key] for key in ("jobs", "rows", "table", "differences", "verdict")}
    running = outcome["spend"]["running"]
    return json.dumps({**kept, "running": running, "plans": len(study.plans), "seconds": round(seconds)}, indent=1)


def _facts(study: Study, seconds: float) -> list[tuple[str, str]]:
    inputs = study.inputs
    return [
        ("task", inputs.system_prompt),
        ("rows", f"{inputs.rows} in {inputs.sft.name}, {inputs.rft.name}, {inputs.evaluation.name}"),
        ("SFT overrides", str(inputs.sft_overrides())),
        ("RFT overrides", str(inputs.rft_overrides())),
        ("wall time", f"{seconds / 60:.1f} minutes on {platform.platform()}, Python {platform.python_version()}"),
    ]


def _entry(ledger: Ledger, study: Study, plan: Data) -> PlanEntry:
    record = ledger.plan(plan["plan_id"])
    billed: list[Any] = [job["billable_s"] for job in study.outcomes.values() if job["plan_id"] == plan["plan_id"]]
    return PlanEntry.of(plan, record.state if record else "unknown", billed[0] if billed else None)


def _approvals(ledger: Ledger, study: Study) -> list[ApprovalEntry]:
    found = [(plan["title"], ledger.approval(plan["digest"])) for plan in study.plans]
    return [
        ApprovalEntry(title, one.answer, one.channel, one.typed_value, one.approver, one.at)
        for title, one in found
        if one
    ]
